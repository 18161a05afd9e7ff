/* activations.h - the names that op_activation knows, each with the function of ops_activation.c that makes it.
 *
 * The one list: the table of op_activation, its messages, and the activations that a layer of a config may have are
 * made from it. A new activation is a function there and a line here. */
#ifndef SAGAN_CORE_GRAPH_ACTIVATIONS_H
#define SAGAN_CORE_GRAPH_ACTIVATIONS_H

#define ACTIVATIONS(A) \
	A("linear",             linear) \
	A("relu",               op_relu) \
	A("leaky_relu",         leaky_relu_keras) \
	A("sigmoid",            op_sigmoid) \
	A("tanh",               op_tanh) \
	A("swish",              op_swish) \
	A("gelu",               op_gelu) \
	A("gelu_tanh",          op_gelu_tanh) \
	A("gelu/quick",         gelu_quick) \
	A("gelu/linear",        gelu_linear) \
	A("softplus",           op_softplus) \
	A("elu",                elu_keras) \
	A("selu",               op_selu) \
	A("exponential",        op_exp) \
	A("hard_sigmoid",       op_hard_sigmoid) \
	A("hard_sigmoid_torch", hard_sigmoid_torch) \
	A("hard_swish",         hard_swish) \
	A("mish",               mish) \
	A("phish",              phish) \
	A("squared_relu",       squared_relu) \
	A("softmax",            op_softmax)

#endif
