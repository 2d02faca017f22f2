"""The alignment DAG: linear, no logic. Decisions live in ``register``, checks in ``preflight``.

preflight -> validate_data -> anonymize -> split -> sft -> reward -> ppo -> privacy_audit -> evaluate -> register
(notify on exit)
"""

from typing import Any

from kfp import dsl, kubernetes

from components.anonymize.component import anonymize
from components.evaluate.component import evaluate
from components.notify.component import notify
from components.ppo.component import ppo
from components.preflight.component import preflight
from components.privacy_audit.component import privacy_audit
from components.register.component import register
from components.reward.component import reward
from components.sft.component import sft
from components.split.component import split
from components.validate_data.component import validate_data
from pipelines.parameters import Channels, pipeline_parameters, with_signature
from pipelines.resources import place, track
from pipelines.settings import Settings

PIPELINE_NAME = "attune-alignment"
SUMMARY = "Align a psychological-support model: anonymize, SFT, reward, PPO, audit, evaluate, and promote on evidence."


def build_pipeline(settings: Settings) -> Any:
    """Return the KFP pipeline; the settings give parameter defaults and the compile-time choices."""
    parameters = pipeline_parameters(settings)
    staged = [parameter for parameter in parameters if parameter.name not in ("run_name", "notify_config")]

    def stages(p: Channels) -> None:
        checked = preflight(
            conversations_uri=p.data_conversations,
            preferences_uri=p.data_preferences,
            empathy_ratings_uri=p.data_empathy_ratings,
            crisis_prompts_uri=p.data_crisis_prompts,
            general_text_uri=p.data_general_text,
            known_values_uri=p.data_known_values,
            base_model_id=p.base_model_id,
            base_model_revision=p.base_model_revision,
            config=p.preflight_config,
        )
        # Uncached: it looks at what stands behind each URI, so that the digests it hands on decide what later stages may reuse.
        checked.set_caching_options(enable_caching=False)
        valid = validate_data(
            conversations_uri=p.data_conversations,
            preferences_uri=p.data_preferences,
            conversations_digest=checked.outputs["conversations_digest"],
            preferences_digest=checked.outputs["preferences_digest"],
            config=p.validate_data_config,
        )
        clean = anonymize(
            conversations=valid.outputs["conversations"],
            preferences=valid.outputs["preferences"],
            known_values_uri=p.data_known_values,
            secrets_digest=checked.outputs["secrets_digest"],
            config=p.anonymize_config,
        )
        parts = split(
            conversations=clean.outputs["anonymized_conversations"],
            preferences=clean.outputs["anonymized_preferences"],
            config=p.split_config,
        )
        base_model = checked.outputs["base_model"]
        learning = {"train": parts.outputs["train"], "validation": parts.outputs["validation"], "base_model": base_model}
        supervised = sft(**learning, config=p.sft_config)
        preferred = reward(**learning, sft_adapter=supervised.outputs["adapter"], config=p.reward_config)
        policy = ppo(
            **learning,
            sft_adapter=supervised.outputs["adapter"],
            reward_model=preferred.outputs["reward_model"],
            config=p.ppo_config,
        )
        audited = privacy_audit(
            train=parts.outputs["train"],
            test=parts.outputs["test"],
            canaries=parts.outputs["canaries"],
            original_values=clean.outputs["original_values"],
            base_model=base_model,
            sft_adapter=supervised.outputs["adapter"],
            ppo_adapter=policy.outputs["adapter"],
            config=p.privacy_audit_config,
        )
        evaluated = evaluate(
            test=parts.outputs["test"],
            base_model=base_model,
            sft_adapter=supervised.outputs["adapter"],
            ppo_adapter=policy.outputs["adapter"],
            empathy_ratings_uri=p.data_empathy_ratings,
            crisis_prompts_uri=p.data_crisis_prompts,
            general_text_uri=p.data_general_text,
            evaluation_digest=checked.outputs["evaluation_digest"],
            config=p.evaluate_config,
        )
        registered = register(
            eval_report=evaluated.outputs["eval_report"],
            privacy_report=audited.outputs["privacy_report"],
            base_model=base_model,
            adapter=policy.outputs["adapter"],
            config=p.register_config,
        )
        for task in (checked, valid, clean, parts, supervised, preferred, policy, audited, evaluated, registered):
            place(task, task.name.replace("-", "_"), p, settings)

    inner = dsl.pipeline(name=f"{PIPELINE_NAME}-stages")(with_signature(staged, stages, name="alignment_stages", summary="The ten stages."))

    def outer(p: Channels) -> None:
        farewell = notify(run_name=p.run_name, config=p.notify_config)
        farewell.set_caching_options(enable_caching=False).set_display_name("notify")
        farewell.set_container_image(settings.cluster.data_image)
        secret = {"ATTUNE_WEBHOOK_URL": "ATTUNE_WEBHOOK_URL"}
        kubernetes.use_secret_as_env(farewell, settings.cluster.webhook_secret, secret_key_to_env=secret, optional=True)
        track(farewell, settings)
        with dsl.ExitHandler(farewell, name="alignment"):
            inner(**{parameter.name: p.all()[parameter.name] for parameter in staged})

    return dsl.pipeline(name=PIPELINE_NAME, description=SUMMARY, display_name="Attune alignment")(
        with_signature(parameters, outer, name="alignment", summary=SUMMARY)
    )
