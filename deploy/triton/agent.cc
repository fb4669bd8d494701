// A repository agent for Triton Inference Server: it unlocks models into a file system in
// memory before Triton loads them, and overwrites and removes them when they are unloaded.
// README.md says how to build and use it.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "advparams.h"
#include "triton.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

namespace fs = std::filesystem;

// An error that Triton gets.
struct Failure : std::runtime_error {
    Failure(TRITONSERVER_Error_Code code, const std::string &text) : std::runtime_error(text), code(code) {}
    TRITONSERVER_Error_Code code;
};

// An error that Triton gave, which is passed on to it.
struct Passed {
    TRITONSERVER_Error *error;
};

void check(TRITONSERVER_Error *error) {
    if (error != nullptr) throw Passed{error};
}

[[noreturn]] void failed(const std::string &what) {
    throw Failure(TRITONSERVER_ERROR_INTERNAL, "advparams: " + what + ": " + std::strerror(errno));
}

// A file descriptor.
class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) close(fd_);
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    int get() const { return fd_; }

private:
    int fd_;
};

// A folder for one unlocked model, which only this user can read. Its files are in memory,
// and are overwritten when it ends.
class Folder {
public:
    explicit Folder(const fs::path &parent) {
        const long tmpfs = 0x01021994, ramfs = 0x858458f6;
        struct statfs about;
        if (statfs(parent.c_str(), &about) != 0) failed(parent.string());
        if (about.f_type != tmpfs && about.f_type != ramfs) {
            throw Failure(TRITONSERVER_ERROR_INVALID_ARG, "advparams: " + parent.string() + " is not a file system in memory (tmpfs)");
        }
        std::string name = (parent / "advparams-triton-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) failed(name); // with mode 0700
        path_ = name;
    }
    ~Folder() {
        std::error_code ignored;
        for (fs::recursive_directory_iterator i(path_, ignored), end; i != end; i.increment(ignored)) {
            if (fs::is_regular_file(i->symlink_status(ignored))) wipe(i->path());
        }
        fs::remove_all(path_, ignored);
    }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;
    const fs::path &path() const { return path_; }

    // Writes a file of the model, in a folder below this one.
    void write(const fs::path &name, const void *data, size_t size) {
        fs::create_directories((path_ / name).parent_path());
        Descriptor to(open((path_ / name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (to.get() < 0) failed(name.string());
        for (size_t at = 0; at < size;) {
            ssize_t n = ::write(to.get(), static_cast<const char *>(data) + at, size - at);
            if (n < 0 && errno != EINTR) failed(name.string());
            at += n < 0 ? 0 : static_cast<size_t>(n);
        }
    }

private:
    // Memory of a removed file is not overwritten until somebody else gets it.
    static void wipe(const fs::path &file) {
        Descriptor to(open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
        struct stat about;
        if (to.get() < 0 || fstat(to.get(), &about) != 0 || about.st_size == 0) return;
        size_t size = static_cast<size_t>(about.st_size);
        void *data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, to.get(), 0);
        if (data == MAP_FAILED) return;
        explicit_bzero(data, size);
        munmap(data, size);
    }

    fs::path path_;
};

// Options come from the agent's parameters in the configuration of a model, and the
// environment of the server.
struct Options {
    std::string identity, memory = "/dev/shm", suffix = ".key";

    Options(TRITONREPOAGENT_Agent *agent, TRITONREPOAGENT_AgentModel *model) {
        if (const char *path = std::getenv("ADVPARAMS_IDENTITY_FILE")) identity = path;
        if (const char *path = std::getenv("ADVPARAMS_MEMORY")) memory = path;
        uint32_t count = 0;
        check(TRITONREPOAGENT_ModelParameterCount(agent, model, &count));
        for (uint32_t i = 0; i < count; i++) {
            const char *name = nullptr, *value = nullptr;
            check(TRITONREPOAGENT_ModelParameter(agent, model, i, &name, &value));
            const std::string key = name;
            if (key == "identity_file") {
                identity = value;
            } else if (key == "key_suffix") {
                suffix = value;
            } else {
                throw Failure(TRITONSERVER_ERROR_INVALID_ARG, "advparams: unknown parameter " + key + "; identity_file and key_suffix are known");
            }
        }
    }
};

// A model of C's library.
using Model = std::unique_ptr<advparams_model, void (*)(advparams_model *)>;

Model unlock(const fs::path &locked, const fs::path &key, const std::string &identity) {
    advparams_options o = ADVPARAMS_OPTIONS_INIT;
    o.locked_path = locked.c_str();
    o.key_path = key.c_str();
    o.identity_path = identity.empty() ? nullptr : identity.c_str();
    advparams_model *model = nullptr;
    char *message = nullptr;
    advparams_status status = advparams_open(&o, &model, &message);
    if (status != ADVPARAMS_OK) {
        std::string text = "advparams: " + std::string(message == nullptr ? advparams_status_name(status) : message);
        advparams_free_string(message);
        throw Failure(status == ADVPARAMS_MISSING ? TRITONSERVER_ERROR_NOT_FOUND : TRITONSERVER_ERROR_INVALID_ARG, text);
    }
    return Model(model, advparams_close);
}

// Makes a folder that is like that of a model, but with unlocked models in it: every file F
// that has a key F.key beside it is unlocked, and all else but keys is linked to.
std::unique_ptr<Folder> unlock_all(const fs::path &repository, const Options &options) {
    auto folder = std::make_unique<Folder>(options.memory);
    int unlocked = 0;
    std::map<fs::path, fs::path> others; // by name below the folder
    for (const fs::directory_entry &entry : fs::recursive_directory_iterator(repository)) {
        const fs::path name = entry.path().lexically_relative(repository);
        if (entry.is_directory()) {
            fs::create_directories(folder->path() / name);
            continue;
        }
        const fs::path key = entry.path().string() + options.suffix;
        if (fs::exists(key)) {
            Model model = unlock(entry.path(), key, options.identity);
            for (size_t i = 0; i < advparams_file_count(model.get()); i++) {
                // The server looks for the name that the locked model has.
                const fs::path to = i == 0 ? name : name.parent_path() / fs::u8path(advparams_file_name(model.get(), i));
                folder->write(to, advparams_file_data(model.get(), i), advparams_file_size(model.get(), i));
            }
            unlocked++;
        } else if (entry.path().extension() != options.suffix) {
            others[name] = entry.path();
        }
    }
    if (unlocked == 0) {
        throw Failure(TRITONSERVER_ERROR_NOT_FOUND, "advparams: no file in " + repository.string() + " has a key beside it (FILE" + options.suffix + ")");
    }
    for (const auto &[name, target] : others) {
        if (!fs::exists(fs::symlink_status(folder->path() / name))) {
            fs::create_symlink(fs::absolute(target), folder->path() / name);
        }
    }
    return folder;
}

void wipe(TRITONREPOAGENT_AgentModel *model) {
    void *state = nullptr;
    check(TRITONREPOAGENT_ModelState(model, &state));
    delete static_cast<Folder *>(state);
    check(TRITONREPOAGENT_ModelSetState(model, nullptr));
}

void load(TRITONREPOAGENT_Agent *agent, TRITONREPOAGENT_AgentModel *model) {
    TRITONREPOAGENT_ArtifactType type;
    const char *location = nullptr;
    check(TRITONREPOAGENT_ModelRepositoryLocation(agent, model, &type, &location));
    if (type != TRITONREPOAGENT_ARTIFACT_FILESYSTEM) {
        throw Failure(TRITONSERVER_ERROR_UNSUPPORTED, "advparams: the model is not in a file system of this machine");
    }
    std::unique_ptr<Folder> folder = unlock_all(location, Options(agent, model));
    check(TRITONREPOAGENT_ModelRepositoryUpdate(agent, model, TRITONREPOAGENT_ARTIFACT_FILESYSTEM, folder->path().c_str()));
    check(TRITONREPOAGENT_ModelSetState(model, folder.get()));
    folder.release(); // which wipe ends
}

// No exception leaves the agent.
template <typename F>
TRITONSERVER_Error *guarded(F f) {
    try {
        f();
        return nullptr;
    } catch (const Passed &p) {
        return p.error;
    } catch (const Failure &e) {
        return TRITONSERVER_ErrorNew(e.code, e.what());
    } catch (const std::exception &e) {
        return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_INTERNAL, (std::string("advparams: ") + e.what()).c_str());
    }
}

}  // namespace

EXPORT TRITONSERVER_Error *TRITONREPOAGENT_Initialize(TRITONREPOAGENT_Agent *) {
    return guarded([] {
        uint32_t major = 0, minor = 0;
        check(TRITONREPOAGENT_ApiVersion(&major, &minor));
        if (major != 0 || minor < 1) {
            throw Failure(TRITONSERVER_ERROR_UNSUPPORTED, "advparams: this agent is for version 0.1 of the API of repository agents");
        }
    });
}

EXPORT TRITONSERVER_Error *TRITONREPOAGENT_ModelAction(TRITONREPOAGENT_Agent *agent, TRITONREPOAGENT_AgentModel *model, TRITONREPOAGENT_ActionType action) {
    return guarded([=] {
        switch (action) {
        case TRITONREPOAGENT_ACTION_LOAD:
            return load(agent, model);
        case TRITONREPOAGENT_ACTION_LOAD_FAIL:
        case TRITONREPOAGENT_ACTION_UNLOAD_COMPLETE:
            return wipe(model);
        case TRITONREPOAGENT_ACTION_LOAD_COMPLETE: // backends map data files as long as they run
        case TRITONREPOAGENT_ACTION_UNLOAD:
            return;
        }
    });
}

EXPORT TRITONSERVER_Error *TRITONREPOAGENT_ModelFinalize(TRITONREPOAGENT_Agent *, TRITONREPOAGENT_AgentModel *model) {
    return guarded([=] { wipe(model); });
}
