/** The least that a durable write over HTTP can be: one route, one insert, one commit. Started by the gateway's bench. */
import Database from 'better-sqlite3';
import fastify from 'fastify';

const [file = ''] = process.argv.slice(2);
const database = new Database(file);
for (const pragma of ['journal_mode = WAL', 'synchronous = FULL']) database.pragma(pragma);
const columns = ['conversation_id', 'user_id', 'session_id', 'user_input', 'ai_response', 'model_name', 'context'];
database.exec(`CREATE TABLE conversations (${columns.map((name) => `${name} TEXT`).join(', ')})`);
database.exec('CREATE UNIQUE INDEX by_id ON conversations (conversation_id)');
const insert = database.prepare(`INSERT INTO conversations VALUES (${columns.map(() => '?').join(', ')})`);

const app = fastify();
app.post('/api/v1/ai/conversation', async (request, reply) => {
  const body = request.body as Record<string, unknown>;
  insert.run(columns.map((name) => (name === 'context' ? JSON.stringify(body[name]) : body[name])));
  return reply.code(201).send({ conversation_id: body.conversation_id, status: 'success' });
});
const url = await app.listen({ port: 0, host: '127.0.0.1' });
process.send?.({ url, pid: process.pid });
