/* A machine that goes wrong, for one program: loaded before the C library (LD_PRELOAD), it does what the numbers in the file PERPX_WRONG say. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* ns by which the clock is set; ms that each sync of a file takes; ms for which the first thread stands still next, once. */
static volatile long *wrong;

__attribute__((constructor)) static void look(void) {
    const char *name = getenv("PERPX_WRONG");
    int file = name ? open(name, O_RDWR) : -1;
    void *at = file < 0 ? MAP_FAILED : mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (at != MAP_FAILED) wrong = at;
}

static void stand(long ms) {
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left)) {}
}

int clock_gettime(clockid_t id, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (wrong && wrong[2] && getpid() == gettid()) {
        long ms = wrong[2];
        wrong[2] = 0;
        stand(ms);
    }
    int result = real(id, at);
    if (result == 0 && wrong && id == CLOCK_REALTIME) {
        long ns = at->tv_nsec + wrong[0] % 1000000000;
        long more = ns < 0 ? -1 : ns >= 1000000000 ? 1 : 0;
        at->tv_sec += wrong[0] / 1000000000 + more;
        at->tv_nsec = ns - more * 1000000000;
    }
    return result;
}

static int slowly(const char *name, int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    if (wrong && wrong[1]) stand(wrong[1]);
    return real(file);
}

int fdatasync(int file) { return slowly("fdatasync", file); }
int fsync(int file) { return slowly("fsync", file); }
