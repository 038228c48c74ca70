import { createAnalysisService } from '@mindora/analysis-service';
import { createConfigService } from '@mindora/config-service';
import { createConversationService } from '@mindora/conversation-service';
import { createGraphService } from '@mindora/graph-service';
import { createIdentityService } from '@mindora/identity-service';
import { createModelService } from '@mindora/model-service';
import type { Clock, Random, ServiceSchema } from '@mindora/runtime';
import { createSearchService } from '@mindora/search-service';
import { createSyncActions } from '@mindora/sync/client';
import { createVectorService } from '@mindora/vector-service';
import { backupSourceOf } from '../backup/create.ts';
import { measureBackups } from '../backup/schedule.ts';
import { filesOf } from './files.ts';
import { createMeasures } from './measure.ts';
import { createSystemService } from './system.ts';
import type { Parts } from './version.ts';

/** Every service of a version but the gateway, each with just the ports it needs. */
export function createServices(parts: Parts, ports: { clock: Clock; random: Random }): ServiceSchema[] {
  const { config, secrets, primary, stores, embedder, sync, tokens, passwords } = parts;
  const { cache, documents, fulltext, graph, personal, relational, vectors } = stores;
  const { clock, random } = ports;
  const { certificates, verifyEveryMs } = config;
  const files = filesOf(config.directory);
  const measures = [
    ...createMeasures({ sync, files, tiers: config.manifest.sync, certificates, verifyEveryMs }),
    () => measureBackups(backupSourceOf(config), config.backup, clock),
  ];
  const masterKey = Buffer.from(secrets.master.reveal(), 'base64');
  return [
    createConversationService({ primary, cache, relational, random }),
    createAnalysisService({ primary, cache, relational, random }),
    createSearchService({ fulltext, documents }),
    createVectorService({ embedder, vectors, relational }),
    createGraphService({ graph }),
    createIdentityService({
      primary,
      documents,
      personal,
      clock,
      random,
      passwords,
      issueToken: async ({ userId }) => ({ token: await tokens.sign(userId), expiresIn: tokens.lifetimeS }),
      erase: (userId) => sync.eraseNow(userId),
    }),
    createConfigService({ primary, clock, random, passwords, masterKey }),
    createModelService({ primary, relational, clock, random, endpoint: config.model, masterKey }),
    createSyncActions(sync, primary),
    createSystemService({ primary, stores, sync, clock, measures }),
  ];
}
