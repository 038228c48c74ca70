import { afterAll, beforeAll } from '@jest/globals';
import { type RunningEngine, startEngine } from '@mindora/testing/engines';
import { openNeo4jGraph } from '../src/graph/neo4j.ts';
import { testGraph } from './support/graph-suite.ts';
import { handOn, handsOn, neo4jOptions } from './support/neo4j.ts';

// The engine has one database, and the suite of targets empties the shared one.
let engine: RunningEngine;
beforeAll(async () => {
  engine = await startEngine('neo4j');
});
afterAll(() => engine.stop());

testGraph('Neo4j', async () => {
  const hand = handOn(engine.url);
  return {
    hands: handsOn((text, parameters) => hand.run(text, parameters)),
    async open() {
      await hand.run('MATCH (n:Stranger) DETACH DELETE n');
      const store = openNeo4jGraph(neo4jOptions(engine.url));
      await store.migrate();
      await store.wipe();
      return store;
    },
    remove: () => hand.end(),
  };
});
