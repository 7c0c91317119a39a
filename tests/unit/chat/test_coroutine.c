/* Coroutines: the order of things, many at a time, and the guard page. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "chat/coroutine.h"

typedef struct {
  LaChatCoroutine *coroutine;
  GString *log;
  char name;
  int rounds;
} Job;

static void work(void *arg)
{
  Job *job = arg;
  for (int i = 0; i < job->rounds; i++) {
    char on_stack[4096];
    memset(on_stack, job->name, sizeof on_stack);
    g_string_append_c(job->log, job->name);
    la_chat_coroutine_yield(job->coroutine);
    /* The stack is as it was. */
    for (size_t k = 0; k < sizeof on_stack; k += 512)
      assert_int_equal(on_stack[k], job->name);
  }
}

static void they_take_turns(void **state)
{
  (void)state;
  g_autoptr(GString) log = g_string_new(NULL);
  Job jobs[] = {
      {.name = 'a', .rounds = 3, .log = log}, {.name = 'b', .rounds = 1, .log = log}, {.name = 'c', .rounds = 2, .log = log}};
  for (size_t i = 0; i < 3; i++)
    jobs[i].coroutine = la_chat_coroutine_new(work, &jobs[i], NULL);
  for (int round = 0; round < 5; round++) {
    for (size_t i = 0; i < 3; i++)
      assert_int_equal(la_chat_coroutine_resume(jobs[i].coroutine), round < jobs[i].rounds);
  }
  assert_string_equal(log->str, "abcaca");
  for (size_t i = 0; i < 3; i++)
    la_chat_coroutine_free(jobs[i].coroutine);
}

static void one_may_be_freed_before_its_end(void **state)
{
  (void)state;
  g_autoptr(GString) log = g_string_new(NULL);
  Job job = {.name = 'x', .rounds = 10, .log = log};
  job.coroutine = la_chat_coroutine_new(work, &job, NULL);
  assert_true(la_chat_coroutine_resume(job.coroutine));
  la_chat_coroutine_free(job.coroutine);
  la_chat_coroutine_free(la_chat_coroutine_new(work, &job, NULL));
  la_chat_coroutine_free(NULL);
  assert_string_equal(log->str, "x");
}

static void a_thousand(void **state)
{
  (void)state;
  enum {
    COUNT = 1000
  };
  g_autoptr(GString) log = g_string_new(NULL);
  g_autofree Job *jobs = g_new0(Job, COUNT);
  for (int i = 0; i < COUNT; i++) {
    jobs[i] = (Job){.name = 'z', .rounds = 2, .log = log};
    jobs[i].coroutine = la_chat_coroutine_new(work, &jobs[i], NULL);
    assert_non_null(jobs[i].coroutine);
  }
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < COUNT; i++)
      la_chat_coroutine_resume(jobs[i].coroutine);
  }
  assert_int_equal(log->len, 2 * COUNT);
  for (int i = 0; i < COUNT; i++)
    la_chat_coroutine_free(jobs[i].coroutine);
}

/* Writes ever further down the stack. */
__attribute__((noinline)) static int dive(volatile char *above, int depth)
{
  volatile char here[2048];
  memset((char *)(uintptr_t)here, depth, sizeof here);
  return depth == 0 ? above[0] : dive(here, depth - 1) + here[1];
}

static void overflow(void *arg G_GNUC_UNUSED)
{
  char top = 1;
  (void)dive(&top, 100000);
}

static void an_overflow_faults_at_once(void **state)
{
  (void)state;
  pid_t pid = fork();
  if (pid == 0) {
    /* A handler of the sanitizer would report what is meant to happen. */
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    LaChatCoroutine *coroutine = la_chat_coroutine_new(overflow, NULL, NULL);
    la_chat_coroutine_resume(coroutine);
    _exit(0);
  }
  int status = 0;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(they_take_turns),
      cmocka_unit_test(one_may_be_freed_before_its_end),
      cmocka_unit_test(a_thousand),
      cmocka_unit_test(an_overflow_faults_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
