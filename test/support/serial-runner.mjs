import Runner from 'jest-runner';

/** One file after the other: these tests share one set of engines, which each of them empties for itself. */
export default class SerialRunner extends (Runner.default ?? Runner) {
  isSerial = true;
}
