import { specialDriver } from './special.ts';

export const driver = specialDriver('mysql', new URL(import.meta.url));
