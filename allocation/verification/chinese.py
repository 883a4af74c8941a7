"""The Chinese of everything that the checker and the proof say, by the English text."""

from collections.abc import Mapping
from typing import Final

CHINESE: Final[Mapping[str, str]] = {
    # how values and places are named
    "nothing": "无",
    "level {level}": "水平 {level}",
    "{level} of tier {tier}, phase {phase}": "第 {tier} 档第 {phase} 阶段{level}",
    "{level} with the draw {tie}": "{level}，签号 {tie}",
    "before minimums and bundles, {place}": "计入最小订货量和二选一之前，{place}",
    "{what} is missing; {right} is due": "缺少{what}，应为 {right}",
    "{what} is {found}, and none is due": "{what}为 {found}，但不应有此项",
    "{what} is {found}, not {right}": "{what}为 {found}，应为 {right}",
    # the files
    "changed after it was written: certificate.json has the hash {stated}, and it is {right}": (
        "写出之后被改动：certificate.json 中的哈希为 {stated}，实际为 {right}"
    ),
    "changed after it was written: it states its own hash as {stated}, and it is {right}": (
        "写出之后被改动：其中所记的自身哈希为 {stated}，实际为 {right}"
    ),
    "result_sha256 is {stated}, and that of the rows is {right}": "result_sha256 为 {stated}，各行的实际哈希为 {right}",
    "the result is of another problem: input_sha256 is {stated}, and that of the problem is {right}": (
        "结果属于另一个问题：input_sha256 为 {stated}，本问题的哈希为 {right}"
    ),
    "it is not in the form in which it was written": "不是写出时的形式",
    "it has hashes of {found}, not of {right}": "所含哈希对应 {found}，应对应 {right}",
    "it is empty": "文件为空",
    "the header": "表头",
    "row {row} has {found} fields, not {right}": "第 {row} 行有 {found} 个字段，应为 {right} 个",
    "row {row} is not CSV in UTF-8: {error}": "第 {row} 行不是 UTF-8 编码的 CSV：{error}",
    "the cells are right, but not written as they are to be": "各单元格内容正确，但写法不符合规定",
    # the certificate
    "format": "格式",
    "lines": "行数",
    "adjustments": "人工决定",
    "thresholds": "分界",
    "minimums": "最小订货量",
    "the commitment": "承诺值",
    "the seed": "种子",
    "the weights' published hash": "随冻结订单簿公布的权重哈希",
    "the policy's published hash": "随承诺值公布的政策哈希",
    "the announced {name}": "公布的政策中的 {name}",
    "the threshold of {name}": "{name} 的分界",
    "the first refusal of {name}": "{name} 的首次拒绝",
    "the result was made with {key} = {found}, and policy.toml beside the problem says {right}": (
        "结果按 {key} = {found} 得出，而问题旁的 policy.toml 为 {right}"
    ),
    "the result was made with {key} = {found}, and policy.toml beside the problem does not say so": (
        "结果按 {key} = {found} 得出，而问题旁的 policy.toml 没有写明"
    ),
    "a policy that this checker does not know: {policy}": "核验程序不认识的政策：{policy}",
    "the seed is not 64 hexadecimal digits in small letters": "种子不是 64 位小写十六进制数字",
    "seed_proof needs secret, root and commitment in hexadecimal digits": (
        "seed_proof 需要十六进制的 secret、root 和 commitment"
    ),
    "levels cannot be read: {error}": "无法读取各水平：{error}",
    "it has a level of {name}, which stopped nobody": "含有 {name} 的水平，但它没有限制任何行",
    "minimums.before cannot hold {entry}: {error}": "minimums.before 中不能有 {entry}：{error}",
    # the rows
    "stands in the result twice": "在结果中出现两次",
    "is in the result, but was never requested": "在结果中，但从未申请",
    "was requested, but is not in the result": "有申请，但不在结果中",
    "not in order: rows are sorted by retailer, then SKU": "顺序不对：各行应先按零售户、再按品规排序",
    "{column} is '{found}', not '{right}'": "{column} 为“{found}”，应为“{right}”",
    "granted is '{found}', not a whole number": "granted 为“{found}”，不是整数",
    # quantities and stops
    "{used} granted of {limit}": "限额为 {limit}，分配了 {used}",
    "it stopped lines, and {left} is left of it": "它限制了一些行，却还剩 {left}",
    "granted part of a pack": "分配了不足一个整包的数量",
    "granted something else than was decided by hand": "分配数量与人工决定不符",
    "granted more than is eligible": "分配数量超过合格数量",
    "granted less than its floor": "分配数量低于保底数量",
    "granted something, but less than its minimum": "有分配，但低于最小订货量",
    "granted a pack that comes after the threshold": "分到了分界之后的整包",
    "stopped before a pack that comes up to the threshold": "分界之前的整包没有分到",
    "stopped although its next pack came before the last one that was granted, or had room": (
        "下一包先于最后分出的一包或仍有余量，却被停止"
    ),
    "stopped although its next pack had room": "下一包仍有余量，却被停止",
    "short of something that is not scarce": "货源并不紧张，却没有满足",
    # manual decisions
    "{units} is not in whole packs of {pack}": "{units} 不是每包 {pack} 件的整包数",
    "{units} is above the {most} that are eligible": "{units} 超过合格数量 {most}",
    "a reason, an author and an approver are needed": "需要理由、决定人和批准人",
    "the author approved his own decision: {author}": "决定人批准了自己的决定：{author}",
    # minimums and bundles
    'lines with a minimum cannot be shared under rounding = "none"': '有最小订货量的行不能按 rounding = "none" 分配',
    'lines that exclude each other cannot be shared under rounding = "none"': (
        '互相排斥的行不能按 rounding = "none" 分配'
    ),
    "lines that exclude each other cannot lie in baskets": "互相排斥的行不能放在组合中",
    "it cannot have had {units} before minimums and bundles": "计入最小订货量和二选一之前不可能有 {units}",
    "its minimum and the others chosen take more than the lines held": (
        "它与其他入选行的最小订货量之和超过这些行原有的数量"
    ),
    "has the better right to its minimum than those chosen": "比入选的行更应得到最小订货量",
    "reached its minimum, and was left out all the same": "已达到最小订货量，却被排除",
    "granted something, although another line of its bundle stays": "同组中保留的是另一行，它却有分配",
    # baskets
    "baskets need rule = max_min, and a proof of their totals": "组合需要 rule = max_min 及总量的证明",
    "baskets cannot be read: {error}": "无法读取组合：{error}",
    "it proves baskets although nothing in them is scarce": "组合中没有紧缺，却带有证明",
    "one basket with several weights": "同一组合有多个权重",
    "called approximate where an exact answer is due": "应当精确之处标为近似",
    "the method of the baskets": "组合的方法",
    "the gap of the baskets": "组合的差距",
    "the weights of the baskets' bound do not prove {level}": "组合上界的权重不能证明 {level}",
    "nothing proves the baskets' bound {level}": "没有任何内容证明组合的上界 {level}",
    "its part of the basket, {units}, is outside of {low} to {high}": (
        "它在组合中的数量 {units} 不在 {low} 至 {high} 之内"
    ),
    "the baskets take {amount} of {room}": "余量为 {room}，组合占用了 {amount}",
    "its level falls, it fixes nobody, or it weighs something below 0": "水平下降、没有确定任何户，或权重小于 0",
    "the weights of its claimants do not add up to 1": "各户权重之和不为 1",
    "its weights do not bound the level by {level}": "权重不能把水平限制在 {level}",
    "its basket holds {found} in the mixture, not {right}": "组合在配比中为 {found}，应为 {right}",
    "no stage of the certificate proves the total of its basket": "证书中没有任何阶段证明其组合总量",
    "levels of supplies prove nothing where {name} could be full": "{name} 可能用满，货源水平不能证明什么",
    "it has a level, and something is left of it": "它有水平，却还有剩余",
    "its basket stands below the level of {name}, {level}": "其组合低于 {name} 的水平 {level}",
    "its basket stands above the level of {name}, {level}": "其组合高于 {name} 的水平 {level}",
    "{name} has a price in the mixture that it cannot have": "{name} 在配比中的价格不成立",
    "its basket could be made up nearer to an even mixture": "其组合还可以更接近均匀配比",
    "a line of the baskets was raised twice, or has no part of a pack": "组合中有一行被上调两次，或没有不足一包的部分",
    "more packs of the baskets were raised than their network lets through": "组合上调的整包超过网络容量",
    "the packs of the baskets could be rounded to more of them, or to better ones": (
        "组合取整还可以得到更多或更好的整包"
    ),
    # proofs
    "the smallest granted/weight, then the next": "最小的 分配/权重，再到次小的",
    "the smallest granted/claim, then the next": "最小的 分配/合格数量，再到次小的",
    "the smallest granted − claim, then the next": "最小的 分配 − 合格数量，再到次小的",
    "the smallest grant up to half the claim, then the smallest granted − claim": (
        "合格数量一半以内最小的分配，再到最小的 分配 − 合格数量"
    ),
    "{made}, tier after tier": "{made}（逐档）",
    "proved: {lines} grants make {made} as large as they can be.": "已证明：{lines} 行的分配使{made}尽可能大。",
    "the optimum in fractions makes {made} as large as they can be; {agreed}": "分数最优解使{made}尽可能大；{agreed}",
    "{engines} agree to {apart} units, where {tolerance} are allowed.": (
        "{engines} 两个求解器相差 {apart} 件，允许 {tolerance} 件。"
    ),
    "whole packs lie {mean} packs from it on average, {most} at most ({line}); this is reported, not bounded.": (
        "整包结果与它平均相差 {mean} 包，最多 {most} 包（{line}）；这只是报告，并非保证。"
    ),
    (
        "who of the lines with a minimum or in a bundle is served is taken from the result; verify checks that choice."
    ): "有最小订货量或互相排斥的行中由谁得到，以结果为准；该选择由 verify 核验。",
    (
        "that the packs are those with the smallest keys of {rounding} is what verify itself proves; "
        "only adams under max_min, without carry and tiers, promises the smallest shares in whole packs."
    ): (
        "整包是 {rounding} 序号最小的那些，由 verify 本身证明；"
        "只有 max_min 下的 adams（无结转、无档位）才承诺整包意义上最小份额尽可能大。"
    ),
    "SKUs looked through: {skus}; no way to deal out their packs is fairer, up to the draw.": (
        "已逐一检查 {skus} 个品规：除抽签外，没有更公平的整包分法。"
    ),
    "SKUs looked through: {skus}.": "已逐一检查 {skus} 个品规。",
    "SKUs not looked through: {skus}; too many ways, or limits across lines, where packs promise no leximin.": (
        "未逐一检查 {skus} 个品规：分法太多，或有跨行限额（此时整包不承诺逐级最小最大）。"
    ),
    "its packs can be dealt out more fairly": "其整包可以分得更公平",
    "granted {granted}, but the optimum is {right}": "分配了 {granted}，但最优为 {right}",
    "its basket holds {found}, but the optimum is {right}": "组合得到 {found}，但最优为 {right}",
    (
        "proved: {totals} totals of baskets make the smallest, by weight, then the next, as large as they can be; "
        "{engine} finds the same without the certificate's proof."
    ): "已证明：{totals} 个组合总量使按权重最小的、再到次小的尽可能大；{engine} 不用证书中的证明也得到同样结果。",
    "the rule {rule} is not known here": "这里不认识规则 {rule}",
    "there are {lines} lines; linear programmes prove up to {most} in all": (
        "共有 {lines} 行；线性规划总共最多证明 {most} 行"
    ),
    "{lines} lines hang together by supplies and limits; linear programmes prove up to {most} such lines": (
        "有 {lines} 行通过货源和限额相互关联；线性规划最多证明 {most} 个相互关联的行"
    ),
    "weights or claims that compete are more than {times} times apart": "相互竞争的权重或合格数量相差超过 {times} 倍",
    "{engines} differ by {units} units; neither is believed": "{engines} 两个求解器相差 {units} 件；都不予采信",
    "the baskets are shared approximately; verify works out how far they may be from the best": (
        "组合为近似分配；与最优可能相差多少由 verify 算出"
    ),
    "no optimum was found: {error}": "没有找到最优解：{error}",
}
