// Stands in for Triton in the test of the agent: it loads the agent as Triton does, calls it
// in the same order, and prints what the agent tells it.
//
//   host AGENT FOLDER [NAME=VALUE]...     loads the model in FOLDER with these parameters
//
// After each line that it prints it waits for a line from the test, which meanwhile looks at
// the files.
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "triton.h"

struct TRITONSERVER_Error {
    TRITONSERVER_Error_Code code;
    std::string message;
};

struct TRITONREPOAGENT_Agent {};

struct TRITONREPOAGENT_AgentModel {
    std::string location;
    std::vector<std::pair<std::string, std::string>> parameters;
    void *state = nullptr;
    bool loading = false;
};

TRITONSERVER_Error *TRITONSERVER_ErrorNew(TRITONSERVER_Error_Code code, const char *message) { return new TRITONSERVER_Error{code, message}; }

TRITONSERVER_Error *TRITONREPOAGENT_ApiVersion(uint32_t *major, uint32_t *minor) {
    *major = 0;
    *minor = 1;
    return nullptr;
}

TRITONSERVER_Error *TRITONREPOAGENT_ModelRepositoryLocation(
    TRITONREPOAGENT_Agent *, TRITONREPOAGENT_AgentModel *model, TRITONREPOAGENT_ArtifactType *type, const char **location) {
    *type = TRITONREPOAGENT_ARTIFACT_FILESYSTEM;
    *location = model->location.c_str();
    return nullptr;
}

TRITONSERVER_Error *TRITONREPOAGENT_ModelRepositoryUpdate(
    TRITONREPOAGENT_Agent *, TRITONREPOAGENT_AgentModel *model, TRITONREPOAGENT_ArtifactType type, const char *location) {
    if (!model->loading || type != TRITONREPOAGENT_ARTIFACT_FILESYSTEM) {
        return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_INVALID_ARG, "the location changes during LOAD alone");
    }
    model->location = location;
    return nullptr;
}

TRITONSERVER_Error *TRITONREPOAGENT_ModelParameterCount(TRITONREPOAGENT_Agent *, TRITONREPOAGENT_AgentModel *model, uint32_t *count) {
    *count = static_cast<uint32_t>(model->parameters.size());
    return nullptr;
}

TRITONSERVER_Error *TRITONREPOAGENT_ModelParameter(
    TRITONREPOAGENT_Agent *, TRITONREPOAGENT_AgentModel *model, uint32_t index, const char **name, const char **value) {
    *name = model->parameters.at(index).first.c_str();
    *value = model->parameters.at(index).second.c_str();
    return nullptr;
}

TRITONSERVER_Error *TRITONREPOAGENT_ModelState(TRITONREPOAGENT_AgentModel *model, void **state) {
    *state = model->state;
    return nullptr;
}

TRITONSERVER_Error *TRITONREPOAGENT_ModelSetState(TRITONREPOAGENT_AgentModel *model, void *state) {
    model->state = state;
    return nullptr;
}

namespace {

bool failed(const char *what, TRITONSERVER_Error *error) {
    if (error == nullptr) return false;
    std::printf("%s failed with code %d: %s\n", what, error->code, error->message.c_str());
    delete error;
    return true;
}

void wait() {
    std::fflush(stdout);
    while (int c = std::getchar()) {
        if (c == '\n' || c == EOF) return;
    }
}

template <typename F>
F *function(void *library, const char *name, F *) {
    void *found = dlsym(library, name);
    if (found == nullptr) {
        std::fprintf(stderr, "no function %s\n", name);
        std::exit(2);
    }
    return reinterpret_cast<F *>(found);
}

}  // namespace

#define FUNCTION(library, name) function(library, #name, static_cast<decltype(name) *>(nullptr))

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        std::fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    auto initialize = FUNCTION(library, TRITONREPOAGENT_Initialize);
    auto finalize = FUNCTION(library, TRITONREPOAGENT_ModelFinalize);
    auto action = FUNCTION(library, TRITONREPOAGENT_ModelAction);
    TRITONREPOAGENT_Agent agent;
    TRITONREPOAGENT_AgentModel model;
    model.location = argv[2];
    for (int i = 3; i < argc; i++) {
        std::string pair = argv[i];
        size_t at = pair.find('=');
        model.parameters.emplace_back(pair.substr(0, at), pair.substr(at + 1));
    }
    if (failed("initializing", initialize(&agent))) return 1;
    model.loading = true;
    bool refused = failed("loading", action(&agent, &model, TRITONREPOAGENT_ACTION_LOAD));
    model.loading = false;
    if (!refused) {
        std::printf("loading %s\n", model.location.c_str());
        wait();
        failed("load complete", action(&agent, &model, TRITONREPOAGENT_ACTION_LOAD_COMPLETE));
        std::printf("loaded\n");
        wait();
        failed("unloading", action(&agent, &model, TRITONREPOAGENT_ACTION_UNLOAD));
        std::printf("unloading\n");
        wait();
        failed("unload complete", action(&agent, &model, TRITONREPOAGENT_ACTION_UNLOAD_COMPLETE));
        std::printf("unloaded\n");
        wait();
    }
    failed("finalizing", finalize(&agent, &model));
    return refused ? 1 : 0;
}
