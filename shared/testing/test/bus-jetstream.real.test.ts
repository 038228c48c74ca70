import { testBus } from '../src/bus-suite.ts';
import { driver } from './drivers/jetstream-bus.ts';

testBus('jetstream', driver, { bounded: true, atomic: false, replays: true, dated: true });
