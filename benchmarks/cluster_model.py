"""Expected efficiency of data-parallel training on a cluster, on paper: nothing is measured.

    python benchmarks/cluster_model.py
    python benchmarks/cluster_model.py --rows 256 --tokens 256 --teraflops 300

The model of a step: each GPU computes its rows, then all GPUs exchange their gradients.

    compute   (6 x weights in matrices + 12 x layers x hidden x tokens) x tokens x rows / FLOP/s
    exchange  ring all-reduce of 4 bytes per parameter: within a machine 2(g-1)/g x bytes / link,
              then between machines 2(m-1)/m x bytes / network
    efficiency = compute / (compute + exchange)

Assumptions: 8 GPUs per machine share one network card, every link reaches its full bandwidth, no
latency, nothing overlaps, reading and tokenizing cost nothing. Overlap makes real numbers better,
latency and uneven batches worse.
"""

import argparse
from dataclasses import dataclass

GPUS_PER_MACHINE = 8
GPUS = (8, 16, 32, 64, 128, 256)
NETWORKS = (25, 100)  # Gbit/s per machine


@dataclass(frozen=True)
class Encoder:
    """The sizes of an encoder that decide its step.

    Attributes:
        name: as readers know it.
        parameters: all weights, whose gradients are exchanged.
        layers, hidden: of the encoder; a layer's matrices have 12 x hidden^2 weights.
    """

    name: str
    parameters: float
    layers: int
    hidden: int

    @property
    def gradient_bytes(self) -> float:
        """Bytes of all gradients in float32."""
        return 4 * self.parameters

    def flops(self, tokens: int) -> float:
        """Floating point operations of forward and backward pass of one row."""
        matrices = 12 * self.layers * self.hidden**2
        return (6 * matrices + 12 * self.layers * self.hidden * tokens) * tokens


ENCODERS = (
    Encoder("MiniLM-L6", 22.7e6, 6, 384),
    Encoder("BERT base", 109.5e6, 12, 768),
    Encoder("BERT large", 335.1e6, 24, 1024),
)


def ring_seconds(members: int, size: float, bandwidth: float) -> float:
    """Time of a ring all-reduce.

    Args:
        members: how many take part.
        size: bytes.
        bandwidth: bytes per second of each link.
    """
    return 2 * (members - 1) / members * size / bandwidth


def efficiency(
    encoder: Encoder, gpus: int, network: float, rows: int, tokens: int, flops: float, link: float
) -> float:
    """The share of a step that is computing.

    Args:
        encoder: the model.
        gpus: how many there are.
        network: bits per second of each machine's card.
        rows: per GPU and step.
        tokens: per row.
        flops: operations per second that a GPU reaches.
        link: bytes per second between the GPUs of a machine.
    """
    inside = min(gpus, GPUS_PER_MACHINE)
    compute = encoder.flops(tokens) * rows / flops
    exchange = ring_seconds(inside, encoder.gradient_bytes, link)
    exchange += ring_seconds(-(-gpus // GPUS_PER_MACHINE), encoder.gradient_bytes, network / 8)
    return compute / (compute + exchange)


def main() -> None:
    """Print a table for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[32, 256], help="per GPU and step")
    parser.add_argument("--tokens", type=int, default=128, help="per row")
    parser.add_argument("--teraflops", type=float, default=120, help="TFLOP/s that a GPU reaches")
    parser.add_argument("--link", type=float, default=200, help="GB/s between a machine's GPUs")
    options = parser.parse_args()
    print("| model | sent per GPU and step | rows per GPU | network |", end="")
    print("".join(f" {gpus} GPUs |" for gpus in GPUS))
    print("|---|---|---|---|" + "---|" * len(GPUS))
    for encoder in ENCODERS:
        sent = 2 * encoder.gradient_bytes / 1e6  # 2(N-1)/N of the gradients: nearly twice
        for rows in options.rows:
            for network in NETWORKS:
                shares = (
                    efficiency(
                        encoder, gpus, network * 1e9, rows, options.tokens,
                        options.teraflops * 1e12, options.link * 1e9,
                    )
                    for gpus in GPUS
                )  # fmt: skip
                cells = "".join(f" {share:.0%} |" for share in shares)
                print(f"| {encoder.name} | {sent:.0f} MB | {rows} | {network} Gbit/s |{cells}")


if __name__ == "__main__":
    main()
