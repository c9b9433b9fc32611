// Reads what a module tells: little-endian doubles, and texts of so many bytes. tools/web/engine/report.hpp
// writes them.
export class Reader {
  #view;
  #at;

  constructor(memory, at) {
    this.#view = new DataView(memory.buffer);
    this.#at = at >>> 0;
  }
  number() {
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }
  numbers() {
    return Array.from({ length: this.number() }, () => this.number());
  }
  text() {
    const size = this.number();
    this.#at += size;
    return new TextDecoder().decode(new Uint8Array(this.#view.buffer, this.#at - size, size));
  }
}
