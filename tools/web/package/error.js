export class TinymlpError extends Error {
  constructor(code, message, details = {}) {
    super(message);
    this.name = 'TinymlpError';
    this.code = code;
    Object.assign(this, { offset: 0, node: '', operator: '', advice: '', section: '', obstacles: [] }, details);
  }
}
