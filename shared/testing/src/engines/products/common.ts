/** An engine's further settings as arguments of its command. */
export function settingsAsArguments(
  settings: Readonly<Record<string, string>>,
  format: (name: string, value: string) => readonly string[],
): string[] {
  return Object.entries(settings).flatMap(([name, value]) => format(name, value));
}

/** Fetches an address in a second. @throws Error where the answer isn't 2xx */
export async function fetchText(url: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(1_000) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} from ${new URL(url).pathname}`);
  return text;
}

/** The fields of a JSON answer. */
export async function fetchJson(
  url: string,
  headers?: Readonly<Record<string, string>>,
): Promise<Record<string, unknown>> {
  return JSON.parse(await fetchText(url, headers)) as Record<string, unknown>;
}
