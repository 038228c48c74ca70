/** Which backups a retention lets go. */
import { describe, expect, it } from '@jest/globals';
import { isBackupName, isPartialName, partialName, stampOf } from '../src/backup/layout.ts';
import { superfluousOf } from '../src/backup/stored.ts';

const day = 86_400_000;
/** A Monday. */
const monday = Date.parse('2026-11-16T03:00:00Z');
const dated = (days: readonly number[]) => days.map((one) => ({ name: String(one), at: monday + one * day }));

describe('a retention', () => {
  it('keeps the newest', () => {
    expect(superfluousOf(dated([2, 0, 3, 1]), { keep: 2, keepWeekly: 0 })).toEqual(['1', '0']);
    expect(superfluousOf(dated([0, 1]), { keep: 2, keepWeekly: 0 })).toEqual([]);
  });

  it('keeps the newest of each week, which begins on Monday', () => {
    const month = Array.from({ length: 28 }, (_, n) => n - 21);
    const gone = new Set(superfluousOf(dated(month), { keep: 3, keepWeekly: 3 }));
    expect(month.filter((one) => !gone.has(String(one)))).toEqual([-8, -1, 4, 5, 6]);
  });

  it('lets nothing go that the next run would miss', () => {
    let kept = dated([]);
    for (let n = 0; n < 60; n++) {
      kept = [...kept, ...dated([n])];
      const gone = new Set(superfluousOf(kept, { keep: 7, keepWeekly: 4 }));
      kept = kept.filter(({ name }) => !gone.has(name));
      expect(kept.length).toBeLessThanOrEqual(11);
    }
    expect(kept.map(({ name }) => name)).toEqual(['41', '48', '53', '54', '55', '56', '57', '58', '59']);
  });
});

describe('the name of a backup', () => {
  const name = `dao-${stampOf(monday)}`;

  it('belongs to one version alone', () => {
    expect(name).toBe('dao-20261116T030000000Z');
    expect([isBackupName(name, 'dao'), isBackupName(`x-${name}`, 'x'), isBackupName(name, 'd')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('tells what is whole from what is not', () => {
    expect(isBackupName(partialName(name), 'dao')).toBe(false);
    expect([isPartialName(partialName(name), 'dao'), isPartialName(partialName(name), 'future')]).toEqual([
      true,
      false,
    ]);
  });
});
