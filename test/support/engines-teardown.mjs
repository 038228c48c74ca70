import { stopSharedEngines } from '@mindora/testing/engines';

export default stopSharedEngines;
