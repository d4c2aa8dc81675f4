"""Adaptive convolution: a 3x3 convolution whose taps a predicted 2x2 matrix rotates and scales at each position.

ART paper, section 3.1: y(q) = sum_i W_i x(q + g_i), the nine offsets G = T G_t, T from a 3x3 convolution.

On the CPU the taps are a sparse matrix: sampling, its gradient and the gradient of the positions are three
sparse products, the rest is one matrix product, and nothing of the nine-fold columns is kept for the backward
pass. Elsewhere `torchvision.ops.deform_conv2d` does the same sum.
"""

from __future__ import annotations

import math
import warnings
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Init = Literal["zero", "identity"]
Implementation = Literal["auto", "sparse", "grid", "torchvision"]

_BAND_BYTES = 12 << 20


def taps(like: Tensor) -> Tensor:
    """Places of a 3x3 kernel's taps in its row-major order (2, 9), y and x, on a tensor's device and of its type."""
    side = torch.arange(-1, 2, dtype=like.dtype, device=like.device)
    return torch.stack(torch.meshgrid(side, side, indexing="ij")).flatten(1)


def tap_offsets(transform: Tensor, dilation: int = 1) -> Tensor:
    """Where the nine taps sample, relative to the position.

    Args:
        transform: (B, 4, H, W), the rows (yy, yx, xy, xx) of T.
        dilation: d widens the grid to (T + (d-1) I) G, as the released code does.

    Returns:
        (B, 9, 2, H, W), (dy, dx) in cells.
    """
    y, x = taps(transform).view(2, 1, 9, 1, 1)
    yy, yx, xy, xx = transform.unsqueeze(1).unbind(2)
    wider = dilation - 1
    return torch.stack([(yy + wider) * y + yx * x, xy * y + (xx + wider) * x], dim=2)


def adaptive_conv2d(
    x: Tensor, transform: Tensor, weight: Tensor, dilation: int = 1, implementation: Implementation = "auto"
) -> Tensor:
    """Convolution of x (B, C, H, W) with weight (O, C, 3, 3), taps moved by transform (B, 4, H, W).

    Samples bilinearly, zero outside. Positions are float32 whatever the type of x. `auto` takes the sparse
    product on the CPU, torch's grid sampling in an exported graph, which every engine has, and torchvision's operator
    elsewhere; all give the same to rounding.

    Returns:
        (B, O, H, W), the type of x.
    """
    offsets = tap_offsets(transform.float(), dilation)
    if implementation == "sparse" or (implementation == "auto" and _on_cpu(x)):
        out: Tensor = _SparseSampling.apply(x, offsets, weight)
        return out
    if implementation == "grid" or (implementation == "auto" and torch.compiler.is_exporting()):
        return _grid_sampling(x, offsets, weight)
    from torchvision.ops import deform_conv2d

    grid = taps(offsets).t()[None, :, :, None, None]
    moved: Tensor = deform_conv2d(x.float(), (offsets - grid).flatten(1, 2), weight.float(), padding=1)
    return moved.to(x.dtype)


@cache
def _have_torch_warn_unheard() -> None:
    """torch warns once per process that its sparse CSR layout is in beta: do it where nobody listens."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.sparse_csr_tensor(
            torch.zeros(2, dtype=torch.int64), torch.zeros(0, dtype=torch.int64), torch.zeros(0)
        )


def _grid_sampling(x: Tensor, offsets: Tensor, weight: Tensor) -> Tensor:
    b, c, h, w = x.shape
    y = torch.arange(h, device=x.device)[:, None].expand(h, w)
    across = torch.arange(w, device=x.device).expand(h, w)
    at_y, at_x = (offsets + torch.stack([y, across])).unbind(2)
    # From cells to grid_sample's [-1, 1] between the map's edges.
    grid = torch.stack([(2 * at_x + 1) / w - 1, (2 * at_y + 1) / h - 1], dim=-1).flatten(1, 2)
    columns = F.grid_sample(x.float(), grid, align_corners=False).reshape(b, c * 9, h * w)
    return (weight.float().flatten(1) @ columns).reshape(b, -1, h, w).to(x.dtype)


def _on_cpu(x: Tensor) -> bool:
    """Real numbers on the CPU: not the fake tensors of tracing or counting, which numpy cannot read."""
    return x.device.type == "cpu" and type(x) in (Tensor, nn.Parameter) and not torch.compiler.is_compiling()


class _Taps:
    """The taps of some rows of one image, as a sparse matrix (positions * 9, cells) of bilinear weights.

    Args:
        offsets: (9, 2, H, W) of the whole image.
        rows: which rows of positions. Only the band of cells that they reach is in the matrix.
    """

    def __init__(self, offsets: Tensor, rows: slice) -> None:
        from scipy.sparse import csr_array

        h, w = offsets.shape[-2:]
        here = torch.meshgrid(torch.arange(h)[rows], torch.arange(w), indexing="ij")
        position = (offsets[:, :, rows] + torch.stack(here)).permute(1, 2, 3, 0).flatten(1)
        # Every tap outside the map reads zero, so two cells outside stands for any distance and keeps indices small.
        position = torch.stack([position[0].clamp(-2, h + 1), position[1].clamp(-2, w + 1)])
        low = position.floor()
        self.fraction = position - low
        y, x = low.int()
        corners, weights, inside = [], [], []
        for dy in (0, 1):
            for dx in (0, 1):
                cy, cx = y + dy, x + dx
                corners.append(cy.clamp(0, h - 1) * w + cx.clamp(0, w - 1))
                inside.append((cy >= 0) & (cy < h) & (cx >= 0) & (cx < w))
                along_y = self.fraction[0] if dy else 1 - self.fraction[0]
                along_x = self.fraction[1] if dx else 1 - self.fraction[1]
                weights.append(along_y * along_x * inside[-1])
        first, last = int(corners[0].min()), int(corners[3].max()) + 1
        self.cells = slice(first, last)
        self.inside = torch.stack(inside, dim=-1)
        self.corners = torch.stack(corners, dim=-1).flatten() - first
        self.starts = torch.arange(0, self.corners.numel() + 1, 4, dtype=torch.int32)
        self.shape = (len(self.starts) - 1, last - first)
        data = torch.stack(weights, dim=-1).flatten()
        self.matrix = csr_array((data.numpy(), self.corners.numpy(), self.starts.numpy()), shape=self.shape)

    def sample(self, table: Tensor) -> Tensor:
        """Columns (positions, 9 C) from the cells (HW, C)."""
        return torch.from_numpy(self.matrix @ table[self.cells].numpy()).view(-1, 9 * table.shape[1])

    def scatter_add(self, columns: Tensor, table: Tensor) -> None:
        """The transpose of `sample`, added to the cells of `table`."""
        table[self.cells] += torch.from_numpy(self.matrix.T @ columns.view(-1, table.shape[1]).numpy())

    def position_gradient(self, columns: Tensor, table: Tensor) -> Tensor:
        """(2, positions * 9): the gradient of sum(columns * sample(table)) by where the taps lie (y, x)."""
        _have_torch_warn_unheard()
        pattern = torch.sparse_csr_tensor(
            self.starts, self.corners, torch.zeros(len(self.corners)), size=self.shape, check_invariants=False
        )
        columns = columns.view(-1, table.shape[1])
        dots = torch.sparse.sampled_addmm(pattern, columns, table[self.cells].t(), beta=0.0).values()
        top_left, top_right, bottom_left, bottom_right = (dots.view(-1, 4) * self.inside).unbind(-1)
        fy, fx = self.fraction
        by_y = (1 - fx) * (bottom_left - top_left) + fx * (bottom_right - top_right)
        by_x = (1 - fy) * (top_right - top_left) + fy * (bottom_right - bottom_left)
        return torch.stack([by_y, by_x])


def _bands(h: int, w: int, channels: int) -> list[slice]:
    """Bands of rows small enough that their columns fit in memory and reuse the allocator's buffers."""
    rows = max(1, _BAND_BYTES // (w * 9 * channels * 4))
    return [slice(top, min(top + rows, h)) for top in range(0, h, rows)]


class _SparseSampling(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, offsets: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, offsets, weight)
        b, c, h, w = x.shape
        kernel = _kernel(weight).to(x.dtype)
        out = x.new_empty(b, h, w, kernel.shape[1])
        for i in range(b):
            table = _table(x[i])
            for rows in _bands(h, w, c):
                columns = _Taps(offsets[i], rows).sample(table).to(x.dtype)
                torch.mm(columns, kernel, out=out[i, rows].view(-1, kernel.shape[1]))
        return out.permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, offsets, weight = ctx.saved_tensors
        b, c, h, w = x.shape
        kernel = _kernel(weight).to(x.dtype)
        by_x = torch.zeros(b, h * w, c)
        by_offsets = torch.empty_like(offsets)
        by_kernel = torch.zeros_like(kernel, dtype=torch.float32)
        for i in range(b):
            table = _table(x[i])
            for rows in _bands(h, w, c):
                taps = _Taps(offsets[i], rows)
                grad = grads[0][i, :, rows].flatten(1).t().to(x.dtype)
                by_kernel += taps.sample(table).to(x.dtype).t() @ grad
                columns = (grad @ kernel.t()).float()
                taps.scatter_add(columns, by_x[i])
                moved = taps.position_gradient(columns, table)
                by_offsets[i, :, :, rows] = moved.view(2, -1, w, 9).permute(3, 0, 1, 2)
        by_weight = by_kernel.view(3, 3, c, -1).permute(3, 2, 0, 1).to(weight.dtype)
        return by_x.view(b, h, w, c).permute(0, 3, 1, 2).to(x.dtype), by_offsets, by_weight


def _kernel(weight: Tensor) -> Tensor:
    """(9 C, O) of a convolution weight (O, C, 3, 3)."""
    return weight.permute(2, 3, 1, 0).flatten(0, 2)


def _table(x: Tensor) -> Tensor:
    """(HW, C) float32 of one image (C, H, W)."""
    return x.flatten(1).t().float().contiguous()


class AdaptiveConv2d(nn.Module):
    """Adaptive 3x3 convolution without bias; T comes from `transform(guide)`, guide = x unless given.

    Args:
        init: `zero` starts with T = 0 (all taps at the centre, as published), `identity` with T = I.
    """

    def __init__(self, channels: int, out_channels: int, dilation: int = 1, init: Init = "zero") -> None:
        super().__init__()
        self.dilation = dilation
        self.weight = nn.Parameter(torch.empty(out_channels, channels, 3, 3))
        bound = 1 / math.sqrt(9 * channels)
        nn.init.uniform_(self.weight, -bound, bound)
        self.transform = nn.Conv2d(channels, 4, 3, padding=1)
        nn.init.zeros_(self.transform.weight)
        start = (1.0, 0.0, 0.0, 1.0) if init == "identity" else (0.0,) * 4
        self.transform.bias = nn.Parameter(torch.tensor(start))

    def forward(self, x: Tensor, guide: Tensor | None = None) -> Tensor:
        """Features (B, C, H, W) to (B, C_out, H, W), sampled where `guide` (B, C, H, W; `x` itself if None) says."""
        transform = self.transform(x if guide is None else guide)
        return adaptive_conv2d(x, transform, self.weight, self.dilation)

    def positions(self, guide: Tensor) -> Tensor:
        """Offsets (B, 9, 2, H, W) of the taps, (dy, dx) in cells: what Figure 3 draws."""
        return tap_offsets(self.transform(guide).float(), self.dilation)


class ARTBlock(nn.Module):
    """Two 3x3 convolutions with batch norm and an identity shortcut; adaptive ones are the paper's ART units.

    Both matrices T are predicted from the block's input, as released. With `adaptive=False` it is an
    ordinary residual block of the same dilation (the ablation of Table 4).
    """

    def __init__(self, channels: int, dilation: int = 1, adaptive: bool = True, init: Init = "zero") -> None:
        super().__init__()
        self.adaptive = adaptive

        def conv() -> AdaptiveConv2d | nn.Conv2d:
            if adaptive:
                return AdaptiveConv2d(channels, channels, dilation, init)
            return nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)

        self.conv1, self.conv2 = conv(), conv()
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, C, H, W) to the same shape."""
        guide = (x,) if self.adaptive else ()
        out = F.relu(self.bn1(self.conv1(x, *guide)))
        out = self.bn2(self.conv2(out, *guide))
        return F.relu(out + x)

    def share_weights(self, other: ARTBlock) -> None:
        """Use the other block's kernels; batch norms and the transforms' biases stay this block's own."""
        for mine, theirs in ((self.conv1, other.conv1), (self.conv2, other.conv2)):
            mine.weight = theirs.weight
            if isinstance(mine, AdaptiveConv2d) and isinstance(theirs, AdaptiveConv2d):
                mine.transform.weight = theirs.transform.weight
