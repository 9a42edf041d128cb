// Runs an ONNX file on float32 images and writes the features.
// usage: node run_onnx.mjs MODEL INPUT OUTPUT BATCH CHANNELS SIZE
// INPUT and OUTPUT are bare little-endian numbers.
import { readFileSync, writeFileSync } from "node:fs";
import ort from "onnxruntime-node";

const [model, input, output, batch, channels, size] = process.argv.slice(2);
const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1 });
const bytes = readFileSync(input);
const numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
const images = new ort.Tensor("float32", numbers, [batch, channels, size, size].map(Number));
const { features } = await session.run({ images });
writeFileSync(output, Buffer.from(features.data.buffer, features.data.byteOffset, features.data.byteLength));
console.log(JSON.stringify(features.dims));
