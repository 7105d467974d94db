with paid as (select * from stg_orders where status = 'paid')
select customer, sum(amount) as revenue, count(*) as orders from paid group by customer
