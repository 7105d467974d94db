{#- What a customer pays: the amount after discount in whole yen, half a yen rounded up. -#}
{%- macro yen(amount, discount) -%}
cast(round({{ amount }} * (1 - {{ discount }})) as integer)
{%- endmacro -%}
