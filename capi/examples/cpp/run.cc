// Runs a locked model in onnxruntime. The plain model is in memory only.
//
//   run LOCKED KEY [IDENTITY]    runs a locked model
//   run MODEL                    runs a model that is not locked, to compare
//
// It makes up inputs, and prints the outputs to the last bit. It uses onnxruntime's C API,
// which its C++ classes wrap: with Ort::Session, the two calls are
// `options.AddExternalInitializersFromFilesInMemory(...)` and `Ort::Session(env, data, size, options)`.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "advparams.h"
#include "onnxruntime_c_api.h"

namespace {

const OrtApi *ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);

void check(OrtStatus *status) {
    if (status == nullptr) return;
    std::string text = ort->GetErrorMessage(status);
    ort->ReleaseStatus(status);
    throw std::runtime_error(text);
}

// What onnxruntime made is released at the end of its scope.
template <typename T>
using owned = std::unique_ptr<T, void (*)(T *)>;

// The model, unlocked. It has to outlive the session, which does not copy external data.
class Unlocked {
public:
    Unlocked(const char *locked, const char *key, const char *identity) {
        advparams_options o = ADVPARAMS_OPTIONS_INIT;
        o.locked_path = locked;
        o.key_path = key;
        o.identity_path = identity;
        char *message = nullptr;
        if (advparams_open(&o, &model_, &message) != ADVPARAMS_OK) {
            std::string text = message;
            advparams_free_string(message);
            throw std::runtime_error(text);
        }
    }
    ~Unlocked() { advparams_close(model_); }
    Unlocked(const Unlocked &) = delete;
    Unlocked &operator=(const Unlocked &) = delete;

    OrtSession *session(OrtEnv *env, OrtSessionOptions *options) const {
        std::vector<const ORTCHAR_T *> names;
        std::vector<char *> data;
        std::vector<size_t> sizes;
        for (size_t i = 1; i < advparams_file_count(model_); i++) {
            names.push_back(advparams_file_name(model_, i));
            data.push_back(static_cast<char *>(const_cast<void *>(advparams_file_data(model_, i))));
            sizes.push_back(advparams_file_size(model_, i));
        }
        if (!names.empty()) {
            check(ort->AddExternalInitializersFromFilesInMemory(options, names.data(), data.data(), sizes.data(), names.size()));
        }
        OrtSession *session = nullptr;
        check(ort->CreateSessionFromArray(env, advparams_file_data(model_, 0), advparams_file_size(model_, 0), options, &session));
        return session;
    }

private:
    advparams_model *model_ = nullptr;
};

// Inputs of the session's shapes, with 2 for open axes.
struct Input {
    std::string name;
    std::vector<int64_t> shape;
    std::vector<float> values;
};

Input made_up(OrtSession *session, size_t i, OrtAllocator *allocator) {
    Input in;
    char *name = nullptr;
    check(ort->SessionGetInputName(session, i, allocator, &name));
    in.name = name;
    check(ort->AllocatorFree(allocator, name));
    OrtTypeInfo *info = nullptr;
    check(ort->SessionGetInputTypeInfo(session, i, &info));
    owned<OrtTypeInfo> release(info, ort->ReleaseTypeInfo);
    const OrtTensorTypeAndShapeInfo *tensor = nullptr;
    check(ort->CastTypeInfoToTensorInfo(info, &tensor));
    ONNXTensorElementDataType type;
    check(ort->GetTensorElementType(tensor, &type));
    if (type != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) throw std::runtime_error(in.name + " is not of floats");
    size_t rank = 0, count = 1;
    check(ort->GetDimensionsCount(tensor, &rank));
    in.shape.resize(rank);
    check(ort->GetDimensions(tensor, in.shape.data(), rank));
    for (int64_t &d : in.shape) {
        if (d < 0) d = 2;
        count *= static_cast<size_t>(d);
    }
    for (size_t k = 0; k < count; k++) in.values.push_back(static_cast<float>(static_cast<int>(k * 37 % 101) - 50) / 50);
    return in;
}

void run(OrtSession *session) {
    OrtAllocator *allocator = nullptr;
    OrtMemoryInfo *memory = nullptr;
    check(ort->GetAllocatorWithDefaultOptions(&allocator));
    check(ort->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory));
    owned<OrtMemoryInfo> release(memory, ort->ReleaseMemoryInfo);
    size_t in_count = 0, out_count = 0;
    check(ort->SessionGetInputCount(session, &in_count));
    check(ort->SessionGetOutputCount(session, &out_count));
    std::vector<Input> inputs;
    for (size_t i = 0; i < in_count; i++) inputs.push_back(made_up(session, i, allocator));
    std::vector<owned<OrtValue>> values;
    std::vector<const char *> in_names, out_names;
    std::vector<const OrtValue *> in_values;
    for (Input &in : inputs) {
        OrtValue *value = nullptr;
        check(ort->CreateTensorWithDataAsOrtValue(memory, in.values.data(), in.values.size() * sizeof(float), in.shape.data(),
                                                  in.shape.size(), ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
        values.emplace_back(value, ort->ReleaseValue);
        in_values.push_back(value);
        in_names.push_back(in.name.c_str());
    }
    std::vector<std::string> names;
    for (size_t i = 0; i < out_count; i++) {
        char *name = nullptr;
        check(ort->SessionGetOutputName(session, i, allocator, &name));
        names.emplace_back(name);
        check(ort->AllocatorFree(allocator, name));
    }
    for (const std::string &name : names) out_names.push_back(name.c_str());
    std::vector<OrtValue *> outputs(out_count, nullptr);
    check(ort->Run(session, nullptr, in_names.data(), in_values.data(), in_count, out_names.data(), out_count, outputs.data()));
    for (size_t i = 0; i < out_count; i++) {
        owned<OrtValue> output(outputs[i], ort->ReleaseValue);
        OrtTensorTypeAndShapeInfo *shape = nullptr;
        check(ort->GetTensorTypeAndShape(outputs[i], &shape));
        owned<OrtTensorTypeAndShapeInfo> release_shape(shape, ort->ReleaseTensorTypeAndShapeInfo);
        size_t count = 0;
        void *data = nullptr;
        check(ort->GetTensorShapeElementCount(shape, &count));
        check(ort->GetTensorMutableData(outputs[i], &data));
        std::printf("%s", names[i].c_str());
        for (size_t k = 0; k < count; k++) std::printf(" %08x", static_cast<const uint32_t *>(data)[k]);
        std::printf("\n");
    }
}

int main_(int argc, char **argv) {
    OrtEnv *env = nullptr;
    OrtSessionOptions *options = nullptr;
    OrtSession *session = nullptr;
    check(ort->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "run", &env));
    owned<OrtEnv> release_env(env, ort->ReleaseEnv);
    check(ort->CreateSessionOptions(&options));
    owned<OrtSessionOptions> release_options(options, ort->ReleaseSessionOptions);
    std::unique_ptr<Unlocked> unlocked; // declared before the session, so that it is closed after it
    if (argc > 2) {
        unlocked = std::make_unique<Unlocked>(argv[1], argv[2], argc > 3 ? argv[3] : nullptr);
        session = unlocked->session(env, options);
    } else {
        check(ort->CreateSession(env, argv[1], options, &session));
    }
    owned<OrtSession> release_session(session, ort->ReleaseSession);
    run(session);
    return 0;
}

}  // namespace

int main(int argc, char **argv) {
    if (argc < 2 || argc > 4) {
        std::fputs("usage: run LOCKED KEY [IDENTITY] | run MODEL\n", stderr);
        return 2;
    }
    try {
        return main_(argc, argv);
    } catch (const std::exception &e) {
        std::fprintf(stderr, "error: %s\n", e.what());
        return 1;
    }
}
