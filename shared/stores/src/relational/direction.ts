/** Squared lengths between these have a cosine in float32; an index would answer NaN for others. */
const squaredLengthMin = 1e-30;
const squaredLengthMax = 1e30;

/** Whether a vector has a direction that float32 arithmetic can compare. */
export function hasDirection(vector: Float32Array): boolean {
  const squaredLength = vector.reduce((sum, value) => sum + value * value, 0);
  return squaredLength > squaredLengthMin && squaredLength < squaredLengthMax;
}
