{{ config(instances=['a']) }}select 1 as n
