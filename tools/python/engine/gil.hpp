// Python's lock, given away while the engine works.
#pragma once

#include <Python.h>
#include <unistd.h>

namespace tinymlp::python {

// Until the end of the scope other threads may run Python. Where the interpreter has ended
// meanwhile, this thread waits for the end of the process: before 3.14 Python would unwind it here,
// through frames that cannot be unwound.
class without_gil {
public:
  explicit without_gil(bool wanted = true) : state_(wanted ? PyEval_SaveThread() : nullptr) {}
  without_gil(const without_gil&) = delete;
  without_gil& operator=(const without_gil&) = delete;
  ~without_gil() {
    if (state_ == nullptr) return;
    try {
      PyEval_RestoreThread(state_);
    } catch (...) { // the unwinding of pthread_exit, which must not be left
      for (;;) ::pause();
    }
  }

private:
  PyThreadState* state_;
};

} // namespace tinymlp::python
