import { z } from 'zod';

/** What is left of a user in one place. */
export const erasedPlace = z.looseObject({
  engine: z.string(),
  checked: z.int().describe('Keys looked up, and queries asked for the user'),
  left: z.int().describe('Of these, how many still found something'),
  error: z.string().nullable().describe('Why it could not be checked (to the end); null where it was'),
});

export type ErasedPlace = z.infer<typeof erasedPlace>;

/** What {@link https://gdpr-info.eu/art-17-gdpr/ the right to erasure} asks for, proven store by store (rule 16). */
export const erasureCertificate = z.looseObject({
  version: z.string(),
  /** As the caller gave it. */
  user_id: z.string(),
  erased_at: z.string(),
  resumed: z.boolean().describe('Finishes an erasure begun before; `records` counts what this run still found'),
  /** Records deleted, by entity. */
  records: z.record(z.string(), z.int()),
  stores: z.record(z.string(), erasedPlace),
  /** The primary, and what services registered. */
  holders: z.record(z.string(), erasedPlace),
  /** Places whose freed space was overwritten. */
  files_scrubbed: z.array(z.string()),
  /** What goes by itself later, and when; empty on embedded engines. */
  what_expires: z.array(z.looseObject({ what: z.string(), where: z.string(), at: z.string() })),
  /** What stays by design. */
  kept: z.array(z.string()),
  /** Nothing is left anywhere. Where false, the erasure stays open and is resumed at the next start. */
  ok: z.boolean(),
});

export type ErasureCertificate = z.infer<typeof erasureCertificate>;
