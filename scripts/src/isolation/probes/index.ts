/** Every way of attacking, in the order in which they run. */
import type { Probe } from '../probe.ts';
import {
  containerNames,
  containerPorts,
  joinedNetworks,
  limits,
  markersInContainerLogs,
  privileges,
  sharedMounts,
  sharedNamespaces,
} from './containers.ts';
import { databaseFiles, directories } from './directories.ts';
import { foreignKey, foreignMetricsKey, foreignToken, forgedToken } from './gateway.ts';
import { foreignIds } from './ids.ts';
import { busIdentity, keyRows } from './keys.ts';
import { markersInFiles, markersInMetrics, markersInQueries } from './leaks.ts';
import { foreignPorts, outsideAddresses } from './network.ts';
import { foreignConnections, ownProcess } from './processes.ts';
import { equalSecrets, openModes, otherUser } from './secrets.ts';
import { foreignAccounts, foreignBusAccounts, markersInServers, sameServer } from './servers.ts';

export const probes: readonly Probe[] = [
  databaseFiles,
  keyRows,
  busIdentity,
  foreignAccounts,
  sameServer,
  foreignPorts,
  outsideAddresses,
  foreignConnections,
  joinedNetworks,
  containerPorts,
  containerNames,
  directories,
  sharedMounts,
  equalSecrets,
  openModes,
  otherUser,
  markersInQueries,
  markersInMetrics,
  markersInFiles,
  markersInServers,
  markersInContainerLogs,
  foreignBusAccounts,
  ownProcess,
  sharedNamespaces,
  privileges,
  limits,
  foreignKey,
  foreignMetricsKey,
  foreignToken,
  forgedToken,
  foreignIds,
];
