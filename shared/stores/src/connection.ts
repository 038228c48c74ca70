/** How a real engine is reached. Plain values, so that they cross into a thread; the configuration keeps them secret. */
export interface StoreConnection {
  /**
   * With credentials: `postgres://user:password@host:5432/database`, `redis://:password@host:6379/0`,
   * `mongodb://…/database`, `http://user:password@host:9200`, `neo4j://user:password@host:7687`,
   * `http://:key@host:8080?grpc=50051` (Weaviate), `mysql://user:password@host:3306/database`.
   */
  readonly url: string;
  /** Where an engine has no databases of its own, names in it begin with this: "jobfirst_future_" (A3). */
  readonly namespace: string;
}
