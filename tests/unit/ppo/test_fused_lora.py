"""The formed LoRA layer against PEFT's own, and the last layer at read positions against the whole one."""

from types import MethodType
from typing import Any

import pytest
import torch
from peft.tuners.lora.layer import Linear as LoraLinear

from components.ppo.fused_lora import _FormedLinear, fuse, weights_formed
from components.ppo.roles import POLICY, Roles
from components.shared.modeling import adapter_parameters, use_adapter
from tests.unit.ppo.family import Family, shake


@pytest.fixture
def roles(family: Family) -> Roles:
    torch.manual_seed(1)
    roles = family.roles()
    shake(roles.model, POLICY, 0.2)
    use_adapter(roles.model, POLICY, trainable=True)
    return roles


def with_pefts_forward(roles: Roles) -> None:
    """Undo ``fuse`` and the selection of positions in the model's modules."""
    for module in roles.model.modules():
        if "forward" in vars(module):
            module.forward = MethodType(type(module).forward, module)


def run(roles: Roles, ids: torch.Tensor, places: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    with roles.speaking(POLICY, trainable=True):
        states = roles.states(ids, places)
        (states * torch.linspace(-1, 1, states.numel()).view_as(states)).sum().backward()
    gradients = {name: parameter.grad.clone() for name, parameter in adapter_parameters(roles.model, POLICY) if parameter.grad is not None}
    roles.model.zero_grad()
    return states.detach(), gradients


def test_states_and_gradients_equal_pefts_at_the_read_places(roles: Roles) -> None:
    ids = torch.randint(5, 60, (7, 40), generator=torch.Generator().manual_seed(2))
    places = torch.tensor([3, 39, 40, 77, 200, 279])
    ours, our_gradients = run(roles, ids, places)
    with_pefts_forward(roles)
    theirs, their_gradients = run(roles, ids, places)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert our_gradients.keys() == their_gradients.keys()
    assert len(our_gradients) == len(roles.policy_parameters())
    assert all(float(gradient.abs().max()) > 0 for gradient in their_gradients.values())
    for name, gradient in their_gradients.items():
        torch.testing.assert_close(our_gradients[name], gradient, rtol=1e-3, atol=1e-5)


def test_formed_gradients_equal_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)

    def numbers(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)

    weight, bias = numbers(3, 4).detach(), numbers(3).detach()
    x, down, up, out = numbers(2, 5, 4), numbers(2, 4), numbers(3, 2), numbers(2, 5, 3).detach()
    output = _FormedLinear.apply(x, weight + 1.7 * (up @ down).detach(), bias, down, up, 1.7)
    output.backward(out)
    for given in (x, down, up):
        slope = torch.zeros_like(given)
        for place in range(given.numel()):
            ends = []
            for nudge in (1e-6, -1e-6):
                moved = given.detach().clone()
                moved.view(-1)[place] += nudge
                values = [moved if other is given else other.detach() for other in (x, down, up)]
                ends.append(torch.nn.functional.linear(values[0], weight + 1.7 * values[2] @ values[1], bias))
            slope.view(-1)[place] = ((ends[0] - ends[1]) / 2e-6 * out).sum()
        torch.testing.assert_close(given.grad, slope, rtol=1e-6, atol=1e-7)


def small_layer(dtype: torch.dtype, scale: float) -> Any:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64)).to(dtype)
    model = get_peft_model(model, LoraConfig(r=4, lora_alpha=4, target_modules=["0"]))
    layer = next(module for module in model.modules() if isinstance(module, LoraLinear))
    torch.nn.init.normal_(layer.lora_B["default"].weight, std=scale)
    for parameter in (layer.lora_A["default"].weight, layer.lora_B["default"].weight):
        parameter.data = parameter.data.float()
    return model, layer


def test_in_bf16_an_update_smaller_than_the_weights_rounding_is_not_lost() -> None:
    """Formed in bf16, most of an update of a thousandth of the weights would vanish; beside the product it does not."""
    model, layer = small_layer(torch.bfloat16, 1e-4)
    x = torch.randn(512, 64).bfloat16()
    update = layer.lora_B["default"].weight @ layer.lora_A["default"].weight
    assert fuse(model) == 1
    with torch.no_grad():
        formed = (layer.base_layer.weight.float() + update).bfloat16() - layer.base_layer.weight
        thin = (x @ layer.lora_A["default"].weight.bfloat16().T) @ layer.lora_B["default"].weight.bfloat16().T
        output = layer(x)
    assert float((formed == 0).float().mean()) > 0.5, "an update that formed weights would mostly lose"
    assert float((thin != 0).float().mean()) > 0.9
    torch.testing.assert_close(output, layer.base_layer(x) + thin, rtol=0, atol=0)


def test_a_weight_formed_for_decoding_says_the_same_and_is_gone_afterwards(roles: Roles) -> None:
    ids = torch.randint(5, 60, (1, 6), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        plain = roles.hidden(ids)
        with weights_formed(roles.model, POLICY):
            torch.testing.assert_close(roles.hidden(ids), plain, rtol=1e-4, atol=1e-5)
        assert torch.equal(roles.hidden(ids), plain)
    assert all(module.formed is None for module in roles.model.modules() if isinstance(module, LoraLinear))


def test_dropout_several_adapters_and_disabled_ones_keep_pefts_forward() -> None:
    model, layer = small_layer(torch.float32, 0.1)
    x = torch.randn(512, 64)
    expected = layer(x).detach()
    fuse(model)
    with weights_formed(model, "default"):
        torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)
    with model.disable_adapter():
        torch.testing.assert_close(layer(x), layer.base_layer(x))
    layer.lora_dropout["default"] = torch.nn.Dropout(0.5)
    model.train()
    assert float((layer(x) - expected).abs().max()) > 0.1
    model.eval()
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_states_elsewhere_are_not_computed(roles: Roles) -> None:
    """The last layer's MLP sees the read places only, all other layers see everything."""
    seen: dict[int, list[int]] = {}
    layers = roles.model.get_base_model().base_model.layers
    for index, layer in enumerate(layers):
        layer.mlp.down_proj.register_forward_hook(
            lambda module, inputs, output, index=index: seen.setdefault(index, []).append(inputs[0].numel() // inputs[0].shape[-1])
        )
    roles.states(torch.randint(5, 60, (3, 10)), torch.tensor([9, 19, 29]))
    assert [seen[index] for index in range(len(layers))] == [[30]] * (len(layers) - 1) + [[3]]
