/*---
instances: [{name: a}, {name: b, extra: 1}]
alias: "k_{{ instance.extra }}"
---*/
select 1 as n
