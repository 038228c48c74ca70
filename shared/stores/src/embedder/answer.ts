/** Reading what an embedding endpoint answers: nothing of it is trusted. */

/** `final`: asking again would not help, the configuration is wrong. */
export type Answer = { readonly vectors: Float32Array[] } | { readonly reason: string; readonly final: boolean };

/** Bytes that a number may take in JSON, with room; bounds what is read into memory. */
const bytesPerNumberMax = 40;
const bytesAround = 64 * 1024;

/** The vectors of a successful response, in the order of the texts. */
export async function readAnswer(response: Response, count: number, dimensions: number): Promise<Answer> {
  const text = await readBounded(response, count * dimensions * bytesPerNumberMax + bytesAround);
  if (text === null) return { reason: 'the answer is too long', final: false };
  const data = dataOf(text);
  if (data === null) return { reason: 'the answer is not a list of embeddings', final: false };
  if (data.length !== count) return { reason: `${data.length} embeddings for ${count} texts`, final: false };
  return inOrder(data, dimensions);
}

async function readBounded(response: Response, bytesMax: number): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    // Leaving the loop cancels the stream.
    if (bytes > bytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function dataOf(text: string): unknown[] | null {
  try {
    const answer = JSON.parse(text) as { data?: unknown } | null;
    return Array.isArray(answer?.data) ? answer.data : null;
  } catch (error) {
    if (error instanceof SyntaxError || (error as Error).name === 'SyntaxError') return null;
    throw error;
  }
}

function inOrder(data: readonly unknown[], dimensions: number): Answer {
  const vectors: (Float32Array | undefined)[] = new Array(data.length).fill(undefined);
  for (const [position, item] of data.entries()) {
    const { index = position, embedding } = (item ?? {}) as { index?: unknown; embedding?: unknown };
    if (typeof index !== 'number' || !(index in vectors) || vectors[index] !== undefined) {
      return { reason: 'the embeddings are numbered wrongly', final: false };
    }
    if (!Array.isArray(embedding)) return { reason: 'an embedding is not a list of numbers', final: false };
    if (embedding.length !== dimensions) {
      return { reason: `${embedding.length} dimensions, ${dimensions} are configured`, final: true };
    }
    const vector = toVector(embedding);
    if (vector === null) return { reason: 'an embedding is not a list of finite numbers, or all zeros', final: false };
    vectors[index] = vector;
  }
  return { vectors: vectors as Float32Array[] };
}

/** Null where a value is no number, leaves the range of float32, or all are zero: such a vector has no direction. */
function toVector(values: readonly unknown[]): Float32Array | null {
  const vector = new Float32Array(values.length);
  let zeros = true;
  for (const [i, value] of values.entries()) {
    const single = typeof value === 'number' ? Math.fround(value) : Number.NaN;
    if (!Number.isFinite(single)) return null;
    if (single !== 0) zeros = false;
    vector[i] = single;
  }
  return zeros ? null : vector;
}
