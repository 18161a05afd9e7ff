#include "gan/config/setup.h"

augment_policy setup_augment(const config *c)
{
	static const enum diff_augment kind[] = {
		[AUGMENT_COLOR] = DIFF_COLOR, [AUGMENT_TRANSLATION] = DIFF_TRANSLATION,
		[AUGMENT_CUTOUT] = DIFF_CUTOUT,
	};
	augment_policy p = {0};
	for (int i = 0; i < c->augment.n && i < AUGMENT_MAX; i++)
		p.kind[p.n++] = kind[c->augment.policy[i]];
	return p;
}

const gan_loss *setup_loss(const config *c, error *e)
{
	return gan_loss_find(config_choice("loss.name", c->loss.name), e);
}

optimizer_config setup_optimizer(const config *c)
{
	static const enum update_rule rule[] = {
		[OPTIM_ADAM] = RULE_ADAM, [OPTIM_ADAMW] = RULE_ADAMW, [OPTIM_SGD] = RULE_SGD,
	};
	static const enum update_form form[] = {[FORM_TORCH] = UPDATE_TORCH, [FORM_KERAS] = UPDATE_KERAS};
	return (optimizer_config){
		.rule = rule[c->optim.kind], .form = form[c->optim.form],
		.beta1 = c->optim.beta1, .beta2 = c->optim.beta2, .eps = c->optim.eps,
		.weight_decay = c->optim.weight_decay, .momentum = c->optim.momentum,
	};
}

schedule setup_schedule(const config *c, double rate)
{
	static const enum decay_kind kind[] = {
		[SCHEDULE_CONSTANT] = DECAY_NONE, [SCHEDULE_LINEAR] = DECAY_LINEAR,
		[SCHEDULE_COSINE] = DECAY_COSINE,
	};
	return (schedule){
		.decay = kind[c->optim.schedule], .rate = rate, .final_fraction = c->optim.final_fraction,
		.steps = c->optim.schedule_steps ? c->optim.schedule_steps : c->steps, .warmup = c->optim.warmup,
	};
}
