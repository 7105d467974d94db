/*---
alias: "x_{{ instance.name }}"
---*/
select 1 as n
