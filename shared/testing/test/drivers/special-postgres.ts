import { specialDriver } from './special.ts';

export const driver = specialDriver('postgres', new URL(import.meta.url));
