import { z } from 'zod';

/** What {@link https://gdpr-info.eu/art-17-gdpr/ the right to erasure} asks for, proven store by store (rule 16). */
export const erasureCertificate = z.looseObject({
  user_id: z.string(),
  erased_at: z.string(),
  /** Records deleted, by entity. */
  records: z.record(z.string(), z.int()),
  stores: z.record(
    z.string(),
    z.looseObject({ checked: z.int().describe('Keys looked up'), left: z.int().describe('Keys still found') }),
  ),
  /** What goes by itself later, and when; empty on embedded engines. */
  what_expires: z.array(z.looseObject({})),
  /** What stays by design. */
  kept: z.array(z.string()),
  ok: z.boolean(),
});

export type ErasureCertificate = z.infer<typeof erasureCertificate>;
