import type { Objects } from '@mindora/stores/objects/port';

export interface LinkAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** What the suite needs of an engine. `module` is this driver's own file: children load it to open the same store. */
export interface ObjectsDriver {
  readonly module: URL;
  /** Opens the store of a directory, made where it is new. */
  open(directory: string): Promise<Objects>;
  /** What somebody gets who has nothing but a presigned URL. */
  follow(directory: string, method: 'GET' | 'PUT', url: string, body?: Buffer): Promise<LinkAnswer>;
}
