/** The bus of a version whose primary goes back: what it still carries is of the state that is replaced. */
import { type BusSettings, type EventBus, openBus } from '@mindora/bus';
import { roles } from '@mindora/contracts';
import { type Clock, MindoraError, type Random } from '@mindora/runtime';

/** As sync has it on servers: another number would be another log. */
const partitions = 1;
const drainMsMax = 60_000;
const lookEveryMs = 50;

/**
 * Takes everything off a bus and begins another incarnation: at its next start every store is compared with the ledger
 * both ways (rule 8), and no batch of the replaced state comes after that. The version is stopped; does no harm where
 * nothing is replaced in the end.
 *
 * @throws MindoraError `store_unavailable`
 */
export async function disownBus(
  settings: BusSettings,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Promise<void> {
  // A bus that is a file goes with the other files.
  if (settings.kind === 'embedded') return;
  const bus = await openBus(settings, { consumers: roles, partitions, clock, random });
  try {
    await drain(bus, clock);
    await bus.renew();
  } finally {
    await bus.close();
  }
}

async function drain(bus: EventBus, clock: Clock): Promise<void> {
  const subscriptions = roles.map((role) => bus.consume(role, 0, async () => undefined));
  try {
    const deadline = clock.now() + drainMsMax;
    while (!(await isEmpty(bus))) {
      if (clock.now() > deadline) throw new MindoraError('store_unavailable', 'the bus does not hand over what it has');
      await clock.sleep(lookEveryMs);
    }
  } finally {
    await Promise.all(subscriptions.map((subscription) => subscription.stop()));
  }
}

async function isEmpty(bus: EventBus): Promise<boolean> {
  const lags = await Promise.all(roles.map((role) => bus.lag(role)));
  return lags.flat().every(({ head, acknowledged }) => acknowledged >= head);
}
