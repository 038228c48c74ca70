import { testBus } from '../src/bus-suite.ts';
import { driver } from './drivers/embedded-bus.ts';

testBus('embedded', driver, { bounded: true, atomic: true, replays: true, dated: true });
