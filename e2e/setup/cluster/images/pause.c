// The process that holds a pod's namespaces: ends when asked, and reaps what the pod's other processes leave.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void End(int signal) {
  (void)signal;
  _exit(0);
}

static void Reap(int signal) {
  (void)signal;
  while (waitpid(-1, NULL, WNOHANG) > 0) {
  }
}

int main(void) {
  (void)signal(SIGTERM, End);
  (void)signal(SIGINT, End);
  (void)signal(SIGCHLD, Reap);
  for (;;) (void)pause();
}
