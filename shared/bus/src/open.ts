import { openEmbeddedBus } from './embedded/bus.ts';
import type { EventBus } from './port.ts';
import type { BusOptions, BusSettings } from './settings.ts';

/**
 * Opens a bus; a client library is loaded only where it is used. A bus on a server is there at once: it connects with
 * the first call, and again by itself.
 */
export async function openBus(settings: BusSettings, options: BusOptions): Promise<EventBus> {
  if (settings.kind === 'embedded') return openEmbeddedBus({ ...options, file: settings.file });
  if (settings.kind === 'jetstream') {
    const { openJetStreamBus } = await import('./jetstream/bus.ts');
    return openJetStreamBus({ ...options, ...settings });
  }
  const { openRabbitBus } = await import('./rabbitmq/bus.ts');
  return openRabbitBus({ ...options, ...settings });
}
