// Bytes out of what people have.
export function encode(text) {
  return new TextEncoder().encode(text);
}

export function bytesOf(data, what) {
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  throw new TypeError(`${what}: an ArrayBuffer or a view of one is wanted`);
}

// A source that the program's readers pull from: read(into) fills the front of a Uint8Array and tells
// how many bytes that were, 0 at the end; `size` is below 0 where nobody knows.
export async function sourceOf(input, signal) {
  if (typeof input === 'string') return ofChunks([encode(input)]);
  if (input instanceof ArrayBuffer || ArrayBuffer.isView(input)) return ofChunks([bytesOf(input, 'log')]);
  if (typeof Blob !== 'undefined' && input instanceof Blob) {
    if (typeof FileReaderSync !== 'undefined') return ofBlob(input);
    return ofChunks(await collect(input.stream(), signal));
  }
  if (input?.getReader || input?.[Symbol.asyncIterator]) return ofChunks(await collect(input, signal));
  if (typeof input?.read === 'function') return { size: -1, ...input, read: (into) => checked(input.read(into), into.length) };
  throw new TypeError('a log is a text, bytes, a Blob, a stream of bytes or a source of them');
}

function checked(count, most) {
  if (!Number.isInteger(count) || count < 0 || count > most)
    throw new TypeError(`a source's read() gives how many bytes it put there, 0 to ${most}, at once; not ${count}`);
  return count;
}

function ofChunks(chunks) {
  let next = 0, done = 0; // of the chunk at hand
  return {
    size: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    read(into) {
      while (next < chunks.length && done === chunks[next].length) {
        chunks[next++] = null; // read: its memory may go
        done = 0;
      }
      if (next === chunks.length) return 0;
      const piece = chunks[next].subarray(done, done + into.length);
      into.set(piece);
      done += piece.length;
      return piece.length;
    },
  };
}

// In a worker a file is read piece by piece, so that one of any length takes constant memory.
function ofBlob(blob) {
  const reader = new FileReaderSync(), piece = 1 << 20;
  let at = 0, held = new Uint8Array(0);
  return {
    size: blob.size,
    read(into) {
      if (held.length === 0) {
        held = new Uint8Array(reader.readAsArrayBuffer(blob.slice(at, at + piece)));
        at += held.length;
      }
      const part = held.subarray(0, into.length);
      into.set(part);
      held = held.subarray(part.length);
      return part.length;
    },
  };
}

async function collect(stream, signal) {
  const chunks = [], pieces = iterate(stream);
  signal?.throwIfAborted();
  // A stream may have stalled when it is given up.
  const aborted = signal && new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  aborted?.catch(() => {});
  try {
    for (let piece; !(piece = await Promise.race([pieces.next(), ...(aborted ? [aborted] : [])])).done;)
      chunks.push(typeof piece.value === 'string' ? encode(piece.value) : bytesOf(piece.value, 'a piece of the stream'));
  } catch (error) {
    pieces.return().catch(() => {});
    throw error;
  }
  return chunks;
}

// Not every browser's streams can be iterated over.
async function* iterate(stream) {
  if (stream[Symbol.asyncIterator]) return yield* stream;
  const reader = stream.getReader();
  for (let piece; !(piece = await reader.read()).done;) yield piece.value;
}
