import { specialDriver } from './special.ts';

export const driver = specialDriver('mariadb', new URL(import.meta.url));
