import { shareEngines } from '@mindora/testing/engines';

/** All test files share one engine of a kind; see shared/testing/README.md. */
export default shareEngines;
