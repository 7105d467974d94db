/*---
instances: [{name: x}, {key: y}]
alias: fixed
---*/
select 1 as n
