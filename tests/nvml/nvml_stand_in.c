/* Stands in for NVIDIA's management library (libnvidia-ml.so.1) on machines without a GPU.
 *
 * Every call reads the file named by NVML_STAND_IN anew, so that a test changes the machine while a program
 * looks at it. The file holds `key=value` lines; stand_in.py writes it and documents what each is for:
 *
 *   driver, cuda, gpus         version string, 1000*major+10*minor, number of GPUs
 *   init                       error number of nvmlInit
 *   gone                       error number of every other call (the driver went away)
 *   fail.FUNCTION              error number of one call, for all GPUs
 *   gpu.N.KEY                  name, uuid, total, used, reserved, utilisation, temperature, milliwatts,
 *                              milliwatts_limit, clock, max_clock, reasons, ecc, capability (major*10+minor),
 *                              lost (error number), mig (1), fail.FUNCTION, xid (COUNT:CODE)
 *   gpu.N.process              PID:BYTES or PID:BYTES:SLICE, any number of them; counts while the process
 *                              lives, on top of "used". BYTES of -1: the driver doesn't tell
 *   gpu.N.slice.M.KEY          uuid, name, total, used of a MIG slice
 *
 * A key that is missing is a value that the GPU doesn't support. Without NVML_STAND_IN there is no driver.
 * Layouts: nvml.h of CUDA 13, as in pynvml.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPUS 16
#define SLICES 8
#define TEXT 65536

enum { OK = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7,
       DRIVER_NOT_LOADED = 9, TIMEOUT = 10, LIBRARY_NOT_FOUND = 12,
       GPU_IS_LOST = 15 };

typedef struct { unsigned gpu; int slice; } Device; /* slice -1: the whole GPU */
typedef struct { Device *devices[GPUS]; unsigned count; long seen[GPUS]; } EventSet;
typedef unsigned long long bytes;

static Device whole[GPUS], cut[GPUS][SLICES];
static int initialised = 0;

/* -- the file ------------------------------------------------------------------------------------------- */

static void read_all(char *text) {
    text[0] = '\n'; text[1] = 0;
    const char *path = getenv("NVML_STAND_IN");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file) return;
    size_t size = fread(text + 1, 1, TEXT - 2, file);
    text[size + 1] = 0;
    fclose(file);
}

/* The value of a key from `from` on; NULL when there is none. */
static char *find(char *from, const char *key) {
    char line[160];
    snprintf(line, sizeof line, "\n%s=", key);
    char *at = strstr(from, line);
    return at ? at + strlen(line) : NULL;
}

static int number(const char *key, long long *value) {
    char text[TEXT];
    read_all(text);
    char *at = find(text, key);
    if (!at) return 0;
    *value = atoll(at);
    return 1;
}

static int string(const char *key, char *value, unsigned length) {
    char text[TEXT];
    read_all(text);
    char *at = find(text, key);
    if (!at) return NOT_SUPPORTED;
    unsigned size = (unsigned)strcspn(at, "\n");
    if (size + 1 > length) return TOO_SMALL;
    memcpy(value, at, size);
    value[size] = 0;
    return OK;
}

static long long value_of(const char *key, long long otherwise) {
    long long value;
    return number(key, &value) ? value : otherwise;
}

static void key_of(char *key, size_t size, const Device *device, const char *name) {
    if (device->slice < 0) snprintf(key, size, "gpu.%u.%s", device->gpu, name);
    else snprintf(key, size, "gpu.%u.slice.%d.%s", device->gpu, device->slice, name);
}

static int field(const Device *device, const char *name, long long *value) {
    char key[128];
    key_of(key, sizeof key, device, name);
    return number(key, value) ? OK : NOT_SUPPORTED;
}

/* -- what may go wrong at each call ---------------------------------------------------------------------- */

static int refusal(const Device *device, const char *function) {
    char key[160];
    if (!initialised || !getenv("NVML_STAND_IN")) return UNINITIALIZED;
    long long gone = value_of("gone", 0);
    if (gone) return (int)gone;
    snprintf(key, sizeof key, "fail.%s", function);
    long long failure = value_of(key, 0);
    if (failure || !device) return (int)failure;
    snprintf(key, sizeof key, "gpu.%u.lost", device->gpu);
    failure = value_of(key, 0);
    if (failure) return (int)failure;
    snprintf(key, sizeof key, "gpu.%u.fail.%s", device->gpu, function);
    return (int)value_of(key, 0);
}

#define MAY_FAIL(device)                                                                                     \
    do {                                                                                                     \
        int refused = refusal(device, __func__);                                                             \
        if (refused) return refused;                                                                         \
    } while (0)

static int unsigned_field(Device *device, const char *name, unsigned *value) {
    long long found;
    int answer = field(device, name, &found);
    if (answer == OK) *value = (unsigned)found;
    return answer;
}

/* -- the library ----------------------------------------------------------------------------------------- */

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    if (!getenv("NVML_STAND_IN")) return LIBRARY_NOT_FOUND;
    int failure = (int)value_of("init", 0);
    if (!failure) failure = (int)value_of("gone", 0);
    if (failure) return failure == UNINITIALIZED ? DRIVER_NOT_LOADED : failure;
    for (unsigned gpu = 0; gpu < GPUS; gpu++) {
        whole[gpu].gpu = gpu;
        whole[gpu].slice = -1;
        for (int slice = 0; slice < SLICES; slice++) cut[gpu][slice] = (Device){gpu, slice};
    }
    initialised++;
    return OK;
}

int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

int nvmlShutdown(void) {
    if (!initialised) return UNINITIALIZED;
    initialised--;
    return OK;
}

const char *nvmlErrorString(int code) {
    switch (code) {
    case OK: return "Success";
    case UNINITIALIZED: return "Uninitialized";
    case INVALID_ARGUMENT: return "Invalid Argument";
    case NOT_SUPPORTED: return "Not Supported";
    case 4: return "Insufficient Permissions";
    case NOT_FOUND: return "Not Found";
    case TOO_SMALL: return "Insufficient Size";
    case DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case TIMEOUT: return "Timeout";
    case GPU_IS_LOST: return "GPU is lost";
    case 16: return "GPU requires reset";
    case 18: return "Driver/library version mismatch";
    default: return "Unknown Error";
    }
}

int nvmlSystemGetDriverVersion(char *version, unsigned length) {
    MAY_FAIL(NULL);
    return string("driver", version, length);
}

int nvmlSystemGetNVMLVersion(char *version, unsigned length) {
    MAY_FAIL(NULL);
    return string("driver", version, length);
}

int nvmlSystemGetCudaDriverVersion_v2(int *version) {
    MAY_FAIL(NULL);
    *version = (int)value_of("cuda", 0);
    return *version ? OK : NOT_SUPPORTED;
}

int nvmlSystemGetCudaDriverVersion(int *version) { return nvmlSystemGetCudaDriverVersion_v2(version); }

int nvmlDeviceGetCount_v2(unsigned *count) {
    MAY_FAIL(NULL);
    *count = (unsigned)value_of("gpus", 0);
    return OK;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **device) {
    MAY_FAIL(NULL);
    if (index >= (unsigned)value_of("gpus", 0) || index >= GPUS) return INVALID_ARGUMENT;
    MAY_FAIL(&whole[index]);
    *device = &whole[index];
    return OK;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, Device **device) {
    MAY_FAIL(NULL);
    for (unsigned gpu = 0; gpu < (unsigned)value_of("gpus", 0) && gpu < GPUS; gpu++)
        for (int slice = -1; slice < SLICES; slice++) {
            Device *candidate = slice < 0 ? &whole[gpu] : &cut[gpu][slice];
            char key[128], found[96];
            key_of(key, sizeof key, candidate, "uuid");
            if (string(key, found, sizeof found) == OK && !strcmp(found, uuid)) {
                *device = candidate;
                return OK;
            }
        }
    return NOT_FOUND;
}

/* -- what a GPU is --------------------------------------------------------------------------------------- */

int nvmlDeviceGetIndex(Device *device, unsigned *index) {
    MAY_FAIL(device);
    *index = device->gpu;
    return OK;
}

int nvmlDeviceGetMinorNumber(Device *device, unsigned *minor) {
    MAY_FAIL(device);
    *minor = device->gpu;
    return OK;
}

int nvmlDeviceGetName(Device *device, char *name, unsigned length) {
    char key[128];
    MAY_FAIL(device);
    key_of(key, sizeof key, device, "name");
    return string(key, name, length);
}

int nvmlDeviceGetUUID(Device *device, char *uuid, unsigned length) {
    char key[128];
    MAY_FAIL(device);
    key_of(key, sizeof key, device, "uuid");
    return string(key, uuid, length);
}

typedef struct {
    char legacy[16];
    unsigned domain, bus, device, identity, subsystem;
    char id[32];
} PciInfo;

int nvmlDeviceGetPciInfo_v3(Device *device, PciInfo *info) {
    MAY_FAIL(device);
    memset(info, 0, sizeof *info);
    info->bus = device->gpu + 1;
    snprintf(info->legacy, sizeof info->legacy, "0000:%02X:00.0", info->bus);
    snprintf(info->id, sizeof info->id, "00000000:%02X:00.0", info->bus);
    return OK;
}

int nvmlDeviceGetCudaComputeCapability(Device *device, int *major, int *minor) {
    long long capability;
    MAY_FAIL(device);
    int answer = field(device, "capability", &capability);
    if (answer != OK) return answer;
    *major = (int)capability / 10;
    *minor = (int)capability % 10;
    return OK;
}

/* -- processes and memory -------------------------------------------------------------------------------- */

typedef struct { unsigned pid; bytes used; unsigned gpu_instance, compute_instance; } Process;

/* A driver frees a process's memory when it ends, before its parent has taken note of it (a zombie). */
static int lives(int pid) {
    char path[40], state = 'X';
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) state = 'R'; /* a name with a bracket in it */
    fclose(file);
    return state != 'Z' && state != 'X';
}

/* The living processes on a device, at most `room` of them into `found`; also the bytes that they hold. */
static unsigned processes_of(const Device *device, Process *found, unsigned room, bytes *held) {
    char text[TEXT], key[64];
    unsigned count = 0;
    *held = 0;
    read_all(text);
    snprintf(key, sizeof key, "gpu.%u.process", device->gpu);
    for (char *at = text; (at = find(at, key));) {
        long long used = 0;
        int pid = 0, slice = -1;
        sscanf(at, "%d:%lld:%d", &pid, &used, &slice);
        if (!lives(pid) || (device->slice >= 0 && slice != device->slice)) continue;
        if (used > 0) *held += (bytes)used;
        if (count < room) found[count] = (Process){(unsigned)pid, (bytes)used, (unsigned)slice, (unsigned)slice};
        count++;
    }
    return count;
}

int nvmlDeviceGetComputeRunningProcesses_v3(Device *device, unsigned *count, Process *processes) {
    bytes held;
    MAY_FAIL(device);
    unsigned room = processes ? *count : 0;
    *count = processes_of(device, processes, room, &held);
    return *count > room ? TOO_SMALL : OK;
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(Device *device, unsigned *count, Process *processes) {
    MAY_FAIL(device);
    (void)processes;
    *count = 0;
    return OK;
}

typedef struct { bytes total, free, used; } Memory;
typedef struct { unsigned version; bytes total, reserved, free, used; } Memory2;

static int memory_of(const Device *device, Memory2 *memory) {
    long long total, used = 0, reserved = 0;
    bytes held;
    if (field(device, "total", &total) != OK) return NOT_SUPPORTED;
    field(device, "used", &used);
    field(device, "reserved", &reserved);
    processes_of(device, NULL, 0, &held);
    memory->total = (bytes)total;
    memory->reserved = (bytes)reserved;
    memory->used = (bytes)used + held;
    bytes taken = memory->used + memory->reserved;
    memory->free = taken < memory->total ? memory->total - taken : 0;
    return OK;
}

int nvmlDeviceGetMemoryInfo_v2(Device *device, Memory2 *memory) {
    MAY_FAIL(device);
    return memory_of(device, memory);
}

int nvmlDeviceGetMemoryInfo(Device *device, Memory *memory) {
    Memory2 all;
    MAY_FAIL(device);
    int answer = memory_of(device, &all);
    if (answer == OK) *memory = (Memory){all.total, all.free, all.used + all.reserved};
    return answer;
}

/* -- what a GPU does ------------------------------------------------------------------------------------- */

typedef struct { unsigned gpu, memory; } Utilisation;

int nvmlDeviceGetUtilizationRates(Device *device, Utilisation *rates) {
    MAY_FAIL(device);
    rates->memory = 0;
    return unsigned_field(device, "utilisation", &rates->gpu);
}

typedef struct { unsigned version; int sensor; int temperature; } Temperature;

int nvmlDeviceGetTemperatureV(Device *device, Temperature *temperature) {
    MAY_FAIL(device);
    return unsigned_field(device, "temperature", (unsigned *)&temperature->temperature);
}

int nvmlDeviceGetTemperature(Device *device, int sensor, unsigned *temperature) {
    (void)sensor;
    MAY_FAIL(device);
    return unsigned_field(device, "temperature", temperature);
}

int nvmlDeviceGetFanSpeed(Device *device, unsigned *percent) {
    MAY_FAIL(device);
    return unsigned_field(device, "fan", percent);
}

int nvmlDeviceGetPowerUsage(Device *device, unsigned *milliwatts) {
    MAY_FAIL(device);
    return unsigned_field(device, "milliwatts", milliwatts);
}

int nvmlDeviceGetEnforcedPowerLimit(Device *device, unsigned *milliwatts) {
    MAY_FAIL(device);
    return unsigned_field(device, "milliwatts_limit", milliwatts);
}

int nvmlDeviceGetPowerManagementLimit(Device *device, unsigned *milliwatts) {
    MAY_FAIL(device);
    return unsigned_field(device, "milliwatts_limit", milliwatts);
}

int nvmlDeviceGetClockInfo(Device *device, int kind, unsigned *megahertz) {
    (void)kind;
    MAY_FAIL(device);
    return unsigned_field(device, "clock", megahertz);
}

int nvmlDeviceGetMaxClockInfo(Device *device, int kind, unsigned *megahertz) {
    (void)kind;
    MAY_FAIL(device);
    return unsigned_field(device, "max_clock", megahertz);
}

int nvmlDeviceGetCurrentClocksEventReasons(Device *device, bytes *reasons) {
    long long value;
    MAY_FAIL(device);
    int answer = field(device, "reasons", &value);
    if (answer == OK) *reasons = (bytes)value;
    return answer;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(Device *device, bytes *reasons) {
    return nvmlDeviceGetCurrentClocksEventReasons(device, reasons);
}

int nvmlDeviceGetTotalEccErrors(Device *device, int kind, int counter, bytes *count) {
    long long value;
    (void)counter;
    MAY_FAIL(device);
    int answer = field(device, "ecc", &value);
    if (answer == OK) *count = kind == 1 ? (bytes)value : 0;
    return answer;
}

/* -- faults (Xid events) --------------------------------------------------------------------------------- */

static int xid_of(unsigned gpu, long *sequence, long *code) {
    char key[64], text[64];
    snprintf(key, sizeof key, "gpu.%u.xid", gpu);
    return string(key, text, sizeof text) == OK && sscanf(text, "%ld:%ld", sequence, code) == 2;
}

int nvmlEventSetCreate(EventSet **set) {
    MAY_FAIL(NULL);
    *set = calloc(1, sizeof(EventSet));
    return *set ? OK : 20;
}

int nvmlEventSetFree(EventSet *set) {
    free(set);
    return OK;
}

int nvmlDeviceGetSupportedEventTypes(Device *device, bytes *types) {
    MAY_FAIL(device);
    *types = 8;
    return OK;
}

int nvmlDeviceRegisterEvents(Device *device, bytes types, EventSet *set) {
    long sequence = 0, code;
    (void)types;
    MAY_FAIL(device);
    if (set->count == GPUS) return INVALID_ARGUMENT;
    xid_of(device->gpu, &sequence, &code); /* only what happens from now on is told */
    set->seen[set->count] = sequence;
    set->devices[set->count++] = device;
    return OK;
}

typedef struct { Device *device; bytes kind, data; unsigned gpu_instance, compute_instance; } Event;

/* Never waits: whoever waits for an event of a stand-in would wait for a test. */
int nvmlEventSetWait_v2(EventSet *set, Event *event, unsigned milliseconds) {
    (void)milliseconds;
    MAY_FAIL(NULL);
    for (unsigned place = 0; place < set->count; place++) {
        long sequence, code;
        char key[64];
        snprintf(key, sizeof key, "gpu.%u.lost", set->devices[place]->gpu);
        int told = xid_of(set->devices[place]->gpu, &sequence, &code) && sequence > set->seen[place];
        if (told) {
            set->seen[place] = sequence;
            *event = (Event){set->devices[place], 8, (bytes)code, ~0u, ~0u};
            return OK;
        }
        if (value_of(key, 0)) return GPU_IS_LOST;
    }
    return TIMEOUT;
}

/* -- MIG ------------------------------------------------------------------------------------------------- */

int nvmlDeviceGetMigMode(Device *device, unsigned *current, unsigned *pending) {
    MAY_FAIL(device);
    if (device->slice >= 0) return INVALID_ARGUMENT;
    int answer = unsigned_field(device, "mig", current);
    *pending = *current;
    return answer;
}

int nvmlDeviceGetMaxMigDeviceCount(Device *device, unsigned *count) {
    MAY_FAIL(device);
    *count = SLICES - 1;
    return OK;
}

int nvmlDeviceGetMigDeviceHandleByIndex(Device *device, unsigned index, Device **slice) {
    char key[128], uuid[96];
    MAY_FAIL(device);
    if (index >= SLICES) return INVALID_ARGUMENT;
    key_of(key, sizeof key, &cut[device->gpu][index], "uuid");
    if (string(key, uuid, sizeof uuid) != OK) return NOT_FOUND;
    *slice = &cut[device->gpu][index];
    return OK;
}

int nvmlDeviceIsMigDeviceHandle(Device *device, unsigned *is) {
    MAY_FAIL(device);
    *is = device->slice >= 0;
    return OK;
}

int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(Device *slice, Device **device) {
    MAY_FAIL(slice);
    *device = &whole[slice->gpu];
    return OK;
}
