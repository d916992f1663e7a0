#!/usr/bin/env python3
"""Loads a quantized Hugging Face folder with transformers and compares its logits with Dragoman's.

usage: check_with_transformers.py FOLDER PROMPTS.json OURS.safetensors [--tolerance X]

README.md beside this file says what is checked and how to make the inputs.
"""
import argparse
import json
import pathlib
import sys

import torch
import transformers
from safetensors import safe_open
from safetensors.torch import load_file


def read_tensors(folder):
    tensors = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():
                tensors[name] = file.get_tensor(name)
    return tensors


def unpack(words, bits, count):
    """Rows of int32 words -> rows of `count` codes; code j at bits [j * bits, (j + 1) * bits) of its row."""
    shifts = torch.arange(32, dtype=torch.int64)
    stream = ((words.to(torch.int64).unsqueeze(-1) & 0xFFFFFFFF) >> shifts) & 1
    stream = stream.reshape(words.shape[0], -1)[:, : count * bits].reshape(words.shape[0], count, bits)
    return (stream << torch.arange(bits, dtype=torch.int64)).sum(-1)


def dequantize_gptq(parts, config):
    inputs, outputs = parts["g_idx"].numel(), parts["qweight"].shape[1]
    bits = parts["qweight"].shape[0] * 32 // inputs
    codes = unpack(parts["qweight"].t().contiguous(), bits, inputs)  # [out, in]
    zeros = unpack(parts["qzeros"], bits, outputs)  # [groups, out]
    if config.get("checkpoint_format", "gptq") == "gptq":
        zeros = (zeros + 1) % (1 << bits)
    group = parts["g_idx"].to(torch.int64)
    scales = parts["scales"].to(torch.float32).t()[:, group]
    return scales * (codes - zeros.t()[:, group]).to(torch.float32)


def dequantize_packed(parts, config):
    outputs, inputs = parts["weight_shape"].tolist()
    weights = next(iter(config["config_groups"].values()))["weights"]
    bits = weights["num_bits"]
    codes = unpack(parts["weight_packed"], bits, inputs)
    groups = parts["weight_scale"].shape[1]
    if "weight_zero_point" in parts:
        zeros = unpack(parts["weight_zero_point"].t().contiguous(), bits, outputs).t()  # [out, groups]
    else:
        zeros = torch.full((outputs, groups), 1 << (bits - 1), dtype=torch.int64)
    if "weight_g_idx" in parts:
        group = parts["weight_g_idx"].to(torch.int64)
    else:
        group = torch.arange(inputs) // (inputs // groups)
    return parts["weight_scale"].to(torch.float32)[:, group] * (codes - zeros[:, group]).to(torch.float32)


def dequantized_state(folder, config):
    first = "qweight" if config["quant_method"] == "gptq" else "weight_packed"
    dequantize = dequantize_gptq if first == "qweight" else dequantize_packed
    tensors = read_tensors(folder)
    prefixes = [name[: -len(first)] for name in tensors if name.endswith("." + first)]
    state = {}
    for prefix in prefixes:
        names = [name for name in tensors if name.startswith(prefix) and name.count(".") == prefix.count(".")]
        state[prefix + "weight"] = dequantize({name[len(prefix):]: tensors.pop(name) for name in names}, config)
    state.update({name: tensor.to(torch.float32) for name, tensor in tensors.items()})
    return state


def load_dequantized(folder, config):
    model_config = transformers.AutoConfig.from_pretrained(folder)
    if hasattr(model_config, "quantization_config"):
        del model_config.quantization_config
    model_config._attn_implementation = "eager"
    model = transformers.Gemma3ForCausalLM(model_config).to(torch.float32)
    missing, unexpected = model.load_state_dict(dequantized_state(folder, config), strict=False)
    if unexpected or set(missing) - {"lm_head.weight"}:
        raise SystemExit(f"state: missing {missing}, unexpected {unexpected}")
    model.tie_weights()
    return model.eval()


def last_logits(model, prompts):
    with torch.inference_mode():
        rows = []
        for prompt in prompts:
            ids = torch.tensor([prompt["ids"]], device=model.device)
            rows.append(model(input_ids=ids, use_cache=False).logits[0, -1].float().cpu())
    return torch.stack(rows)


def compare(what, theirs, ours, tolerance):
    worst = (theirs - ours).abs().max().item()
    kl = torch.nn.functional.kl_div(ours.log_softmax(-1), theirs.log_softmax(-1), log_target=True, reduction="batchmean")
    top = (theirs.argmax(-1) == ours.argmax(-1)).float().mean().item()
    print(f"{what}: largest difference of a logit {worst:.3g} over {len(ours)} prompts (logits up to "
          f"{ours.abs().max().item():.1f}), KL {kl.item():.3g}, same best token {top:.1%}")
    return worst <= tolerance


def check_tokenizer(folder, prompts):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    same = sum(tokenizer(p["prompt"], add_special_tokens=False)["input_ids"] == p["ids"] for p in prompts)
    print(f"tokenizer: {same} of {len(prompts)} prompts give the ids expected")
    return same == len(prompts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("prompts", type=pathlib.Path)
    parser.add_argument("ours", type=pathlib.Path)
    parser.add_argument("--tolerance", type=float, default=2e-3)
    arguments = parser.parse_args()
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    ours = load_file(arguments.ours)["logits"]
    prompts = json.loads(arguments.prompts.read_text())["prompts"][: len(ours)]
    config = json.loads((arguments.folder / "config.json").read_text())["quantization_config"]
    good = check_tokenizer(arguments.folder, prompts)
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(arguments.folder, dtype=torch.bfloat16)
        if torch.cuda.is_available():
            model = model.to("cuda")
        # Kernels of 16 bits: agreement is reported, not required to the last digit.
        good &= compare("from_pretrained, bfloat16", last_logits(model, prompts), ours, float("inf"))
    except Exception as error:  # whatever the missing package raises
        print(f"from_pretrained: skipped: {type(error).__name__}: {str(error).splitlines()[0]}")
    model = load_dequantized(arguments.folder, config)
    good &= compare("dequantized, float32", last_logits(model, prompts), ours, arguments.tolerance)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
