/* onnx_kit.h - what tests ask of an ONNX file. */
#ifndef SAGAN_TESTS_ONNX_KIT_H
#define SAGAN_TESTS_ONNX_KIT_H

/* The file as an Onnx__ModelProto, which only files know that include the generated header; to be freed with
 * onnx__model_proto__free_unpacked. */
void *onnx_unpack(const char *path);

/* Values of an Onnx__GraphProto are made once, before they are used; every output is made; names leave room for those
 * of optimisers. */
void onnx_expect_order(const void *graph);

/* The same for a file, which has each of these operators: "Gather MatMul". */
void onnx_expect_good(const char *path, const char *ops);

#endif
