import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

export type { Logger };

/** Paths whose values never reach a log. */
const secretPaths = [
  'authorization',
  'password',
  'password_hash',
  'api_key',
  'apiKey',
  'token',
  'secret',
  'api_key_encrypted',
].flatMap((name) => [name, `*.${name}`, `*.*.${name}`, `req.headers.${name}`]);

/** A structured logger (JSON lines on standard error by default, so that standard output stays for answers). */
export function createLogger(
  options: { level: string; version: string; service?: string },
  destination: DestinationStream = pino.destination({ fd: 2, sync: true }),
): Logger {
  const settings: LoggerOptions = {
    level: options.level,
    base: { version: options.version, ...(options.service === undefined ? {} : { service: options.service }) },
    redact: { paths: secretPaths, censor: '***' },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return pino(settings, destination);
}

/** A logger that says nothing. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
