import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstallTools } from '../definition.ts';

export const jdk = 'a JDK of 17 or newer (Debian: default-jdk-headless)';

export interface Artifact {
  readonly group: string;
  readonly name: string;
  readonly version: string;
  readonly type?: string;
  /** Without what it depends on. */
  readonly alone?: boolean;
}

/** Copies artifacts of Maven Central, with what they depend on, into `folder`. */
export async function mavenInstall(
  draft: string,
  folder: string,
  artifacts: readonly Artifact[],
  tools: InstallTools,
): Promise<void> {
  const pom = join(draft, 'pom.xml');
  await writeFile(pom, project(artifacts));
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';
  await tools.run('mvn', ['-B', '-q', '-ntp', '-f', pom, goal, `-DoutputDirectory=${folder}`], 'Maven (Debian: maven)');
}

function project(artifacts: readonly Artifact[]): string {
  const coordinates = '<groupId>mindora</groupId><artifactId>engine</artifactId><version>1</version>';
  const dependencies = artifacts.map(dependency).join('');
  const content = `<modelVersion>4.0.0</modelVersion>${coordinates}<packaging>pom</packaging>`;
  return `<project>${content}<dependencies>${dependencies}</dependencies></project>\n`;
}

function dependency({ group, name, version, type = 'jar', alone = false }: Artifact): string {
  const nothing = '<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>';
  const coordinates = `<groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version>`;
  return `<dependency>${coordinates}<type>${type}</type>${alone ? nothing : ''}</dependency>`;
}
