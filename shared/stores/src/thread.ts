/** Runs in a thread: one store, served to the threads that call it (rule 5). */
import { runThread } from '@mindora/runtime';
import { createStore, type StoreDescription, type StoreThreadData } from './create.ts';

await runThread<StoreThreadData>(async (data) => {
  const store = await createStore(data.role, data);
  const { role, engine, capabilities } = store;
  // On the store itself, so that all of its methods are served beside it.
  const service = Object.assign(store, {
    describe: async (): Promise<StoreDescription> => ({ role, engine, capabilities }),
  });
  return { service, close: () => store.close() };
});
