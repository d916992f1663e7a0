// Loading: the checkpoint mapped, checked and turned into matrices of the backend. The pass itself:
// gemma3_forward.cc.
#include "model/gemma3.h"

#include <fmt/format.h>

#include "model/gemma3_state.h"

namespace dragoman {

Buffer::~Buffer() {
  if (data_ != nullptr) backend_->Free(data_);
}

Result<float*> Buffer::Ensure(int64_t elems) {
  if (elems <= elems_) return data_;
  if (data_ != nullptr) backend_->Free(data_);
  data_ = backend_->Allocate(elems);
  elems_ = data_ != nullptr ? elems : 0;
  if (data_ == nullptr) {
    return Fail(ErrorCode::kOutOfMemory, fmt::format("no memory for {} activations", elems));
  }
  return data_;
}

namespace {

// A norm's vector as float32 that multiplies plainly: Gemma's 1 added where the file leaves it out.
Result<void> LoadNorm(const Checkpoint& checkpoint, const ModelTensor& tensor, Buffer& out) {
  const std::span<const std::byte> bytes = checkpoint.Data(*tensor.info);
  std::vector<float> values(tensor.info->elems());
  TraitsOf(tensor.info->type)
      .decode(bytes.data(), static_cast<int64_t>(values.size()), values.data());
  if (tensor.norm_needs_plus_one) {
    for (float& value : values) value += 1.0f;
  }
  DRAGOMAN_ASSIGN_OR_RETURN(float* data, out.Ensure(static_cast<int64_t>(values.size())));
  out.backend().Upload(values, data);
  return {};
}

Result<void> LoadMatrix(Gemma3::State& state, const ModelTensor& tensor, WeightMatrix& out) {
  out.type = tensor.info->type;
  out.rows = static_cast<int64_t>(tensor.info->rows());
  out.cols = static_cast<int64_t>(tensor.info->cols());
  DRAGOMAN_ASSIGN_OR_RETURN(out.data,
                            state.backend.BorrowWeights(state.checkpoint->Data(*tensor.info)));
  return {};
}

WeightMatrix* MatrixOf(Gemma3Weights& weights, const ModelTensor& tensor) {
  if (tensor.role == TensorRole::kTokenEmbedding) return &weights.embedding;
  if (tensor.role == TensorRole::kOutput) return &weights.output;
  Gemma3Layer& layer = weights.layers[static_cast<size_t>(tensor.layer)];
  switch (tensor.role) {
    case TensorRole::kAttnQ:
      return &layer.q;
    case TensorRole::kAttnK:
      return &layer.k;
    case TensorRole::kAttnV:
      return &layer.v;
    case TensorRole::kAttnOutput:
      return &layer.attn_output;
    case TensorRole::kFfnGate:
      return &layer.gate;
    case TensorRole::kFfnUp:
      return &layer.up;
    default:
      return &layer.down;
  }
}

Buffer* NormOf(Gemma3Weights& weights, const ModelTensor& tensor) {
  if (tensor.role == TensorRole::kOutputNorm) return &weights.output_norm;
  Gemma3Layer& layer = weights.layers[static_cast<size_t>(tensor.layer)];
  switch (tensor.role) {
    case TensorRole::kAttnNorm:
      return &layer.attn_norm;
    case TensorRole::kAttnQNorm:
      return &layer.q_norm;
    case TensorRole::kAttnKNorm:
      return &layer.k_norm;
    case TensorRole::kPostAttnNorm:
      return &layer.post_attn_norm;
    case TensorRole::kFfnNorm:
      return &layer.ffn_norm;
    default:
      return &layer.post_ffn_norm;
  }
}

}  // namespace

Gemma3::State::State(Backend& backend_in, std::unique_ptr<Checkpoint> checkpoint_in,
                     Gemma3Config config_in)
    : backend(backend_in), checkpoint(std::move(checkpoint_in)), config(std::move(config_in)) {
  weights.output_norm.SetBackend(backend);
  for (int64_t i = 0; i < config.layers; ++i) weights.layers.emplace_back(backend);
  for (Buffer* buffer : activations.All()) buffer->SetBackend(backend);
}

Gemma3::Gemma3(std::unique_ptr<State> state) : state_(std::move(state)) {}
Gemma3::~Gemma3() = default;

Result<std::unique_ptr<Gemma3>> Gemma3::Load(const std::string& path, Backend& backend) {
  DRAGOMAN_ASSIGN_OR_RETURN(std::unique_ptr<Checkpoint> checkpoint, OpenCheckpoint(path));
  DRAGOMAN_ASSIGN_OR_RETURN(Gemma3Config config, LoadGemma3Config(*checkpoint));
  DRAGOMAN_ASSIGN_OR_RETURN(const ModelTensorMap map, MapGemma3Tensors(*checkpoint, config));
  auto state = std::make_unique<State>(backend, std::move(checkpoint), std::move(config));
  for (const ModelTensor& tensor : map.tensors) {
    if (tensor.is_norm) {
      DRAGOMAN_RETURN_IF_ERROR(
          LoadNorm(*state->checkpoint, tensor, *NormOf(state->weights, tensor)));
    } else {
      WeightMatrix* matrix = state->matrices[tensor.name] = MatrixOf(state->weights, tensor);
      DRAGOMAN_RETURN_IF_ERROR(LoadMatrix(*state, tensor, *matrix));
    }
  }
  if (state->config.tied_embeddings) state->weights.output = state->weights.embedding;
  return std::unique_ptr<Gemma3>(new Gemma3(std::move(state)));
}

const Gemma3Config& Gemma3::config() const { return state_->config; }
const Checkpoint& Gemma3::checkpoint() const { return *state_->checkpoint; }
Backend& Gemma3::backend() { return state_->backend; }
WeightMatrix Gemma3::matrix(std::string_view tensor) const {
  const auto found = state_->matrices.find(tensor);
  return found == state_->matrices.end() ? WeightMatrix{} : *found->second;
}

Result<void> Gemma3::ReplaceMatrix(std::string_view tensor, BlockType type,
                                   std::span<const std::byte> bytes) {
  const auto found = state_->matrices.find(tensor);
  if (found == state_->matrices.end()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("no matrix {} in the model", tensor));
  }
  WeightMatrix& matrix = *found->second;
  const auto expected =
      TensorBytes(type, static_cast<uint64_t>(matrix.rows), static_cast<uint64_t>(matrix.cols));
  if (!expected || *expected != bytes.size()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{}: expected {} bytes, found {}", tensor,
                                                         expected.value_or(0), bytes.size()));
  }
  DRAGOMAN_ASSIGN_OR_RETURN(matrix.data, backend().BorrowWeights(bytes));
  matrix.type = type;
  if (state_->config.tied_embeddings) state_->weights.output = state_->weights.embedding;
  return {};
}

std::vector<std::string> Gemma3::matrix_names() const {
  std::vector<std::string> names;
  for (const auto& [name, matrix] : state_->matrices) names.push_back(name);
  return names;
}

void Gemma3::SetTap(LinearTap tap) { state_->tap = std::move(tap); }
void Gemma3::SetResidualTap(ResidualTap tap) { state_->residual_tap = std::move(tap); }

ModelMemory Gemma3::memory() const {
  ModelMemory memory;
  for (const auto& [name, matrix] : state_->matrices) {
    memory.weights_mapped_bytes +=
        TensorBytes(matrix->type, static_cast<uint64_t>(matrix->rows),
                    static_cast<uint64_t>(matrix->cols))
            .value_or(0);
  }
  const Gemma3Weights& weights = state_->weights;
  memory.weights_owned_bytes = weights.output_norm.size_bytes();
  for (const Gemma3Layer& layer : weights.layers) {
    for (const Buffer* norm : {&layer.attn_norm, &layer.q_norm, &layer.k_norm,
                               &layer.post_attn_norm, &layer.ffn_norm, &layer.post_ffn_norm}) {
      memory.weights_owned_bytes += norm->size_bytes();
    }
  }
  memory.scratch_bytes = activation_bytes() + state_->backend.scratch_bytes();
  return memory;
}

uint64_t Gemma3::activation_bytes() const {
  uint64_t bytes = 0;
  for (const Buffer* buffer : state_->activations.All()) bytes += buffer->size_bytes();
  return bytes;
}

}  // namespace dragoman
