import { chooseServer } from './on-mysql.ts';

chooseServer('mysql');
