import type { EntityName, Row } from '@mindora/contracts';
import { adminEntities } from '@mindora/contracts/routes';
import type { Action, InternalAction, ServiceSchema } from '@mindora/runtime';
import { defineService } from '@mindora/runtime/service';
import { type Adoption, adopt as adoptRecords } from './domain/adoption.ts';
import { crudUseCases, type Page } from './domain/crud.ts';
import type { ConfigDependencies } from './domain/dependencies.ts';
import { settingUseCases } from './domain/settings.ts';

export type { ConfigDependencies } from './domain/dependencies.ts';

interface ById {
  readonly id: string;
}

/** Settings of a version, and the administrator's plain CRUD of the entities that have no service of their own. */
export function createConfigService(dependencies: ConfigDependencies): ServiceSchema {
  const settings = settingUseCases(dependencies);
  const value: Action<{ config_key: string }> = ({ params }) => settings.value(params.config_key);
  const adopt: Action<unknown, unknown, Adoption> = async ({ body, meta }) => {
    const answer = await adoptRecords(body, dependencies.primary, meta.scope);
    settings.forget();
    return answer;
  };
  const runtime: InternalAction = () => settings.runtime();
  const crud = Object.values(adminEntities).map((name) => crudActions(name, dependencies, settings.forget));
  return defineService({ name: 'config', actions: Object.assign({ value, adopt }, ...crud), internal: { runtime } });
}

function crudActions(name: EntityName, dependencies: ConfigDependencies, changed: () => void) {
  const cases = crudUseCases(name, dependencies, changed);
  const list: Action<unknown, Page> = ({ query }) => cases.list(query);
  const create: Action<unknown, unknown, Row> = ({ body, meta }) => cases.create(body, meta.scope);
  const get: Action<ById> = ({ params }) => cases.get(params.id);
  const update: Action<ById, unknown, Row> = ({ params, body, meta }) => cases.update(params.id, body, meta.scope);
  const remove: Action<ById> = ({ params, meta }) => cases.remove(params.id, meta.scope);
  return {
    [`${name}.list`]: list,
    [`${name}.create`]: create,
    [`${name}.get`]: get,
    [`${name}.update`]: update,
    [`${name}.remove`]: remove,
  };
}
