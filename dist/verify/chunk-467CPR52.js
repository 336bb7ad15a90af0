export{c3_a as a,c3_b as b,c3_c as c,c3_d as d,c3_e as e}from"./run.js";
