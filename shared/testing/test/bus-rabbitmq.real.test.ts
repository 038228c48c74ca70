import { testBus } from '../src/bus-suite.ts';
import { driver } from './drivers/rabbit-bus.ts';

testBus('rabbitmq', driver, { bounded: true, atomic: false, replays: false, dated: false });
